#include "config/config_schema.h"

#include "base/check.h"
#include "files/document.h"

namespace writ::config {
namespace {

// In YAML, which has fewer signs than JSON.
constexpr std::string_view kSchema = R"yaml(
$schema: https://json-schema.org/draft/2020-12/schema
title: Writ's configuration
description: "docs/configuration.md describes every key. `writ check` also says what does not fit together."
type: object
additionalProperties: false
required: [version, issuer, listen, policies, inventory]
properties:
  version: {const: 1, description: the version of this format}
  issuer: {type: string, format: uri, description: "Writ's own issuer: http or https, without query, fragment and final slash"}
  listen:
    description: where Writ listens
    type: object
    additionalProperties: false
    required: [api]
    properties:
      api: {$ref: "#/$defs/listener", description: Writ's own endpoints}
      gateway: {$ref: "#/$defs/listener", description: where callers reach your APIs}
      operator: {$ref: "#/$defs/listener", description: "/v1, health and metrics alone"}
      proxies: {$ref: "#/$defs/texts", description: addresses and blocks of your own proxies and load balancers}
      forwarded_by: {enum: [either, forwarded, x-forwarded-for, nobody], description: the header field that your proxies write}
      public_origin: {$ref: "#/$defs/text", description: the scheme and host under which callers reach the gateway}
      threads: {type: integer, minimum: 1, maximum: 256}
  data: {$ref: "#/$defs/text", description: "the folder of the database, the audit log and the keys"}
  data_access: {enum: [owner, group], description: who may write to the data folder}
  tokens:
    description: the tokens that Writ issues
    type: object
    additionalProperties: false
    properties:
      lifetime_seconds: {type: integer, minimum: 1, maximum: 3600}
      algorithm: {enum: [ES256, EdDSA]}
  signing_keys:
    description: "the keys that Writ signs with (docs/keys.md)"
    type: object
    additionalProperties: false
    properties:
      rotate_after_days: {type: integer, minimum: 0, maximum: 3650, description: "how long a key signs; 0: until `writ keys rotate`"}
      publish_ahead_seconds: {type: integer, minimum: 1, maximum: 2592000, description: how long it is published before it signs}
      encrypted_with: {$ref: "#/$defs/key_place", description: where the key is that they are encrypted with}
      encrypted_before_with: {$ref: "#/$defs/key_place", description: where the one is that it replaces}
  outbound:
    description: what Writ may connect to of its own accord
    type: object
    additionalProperties: false
    properties:
      allow: {$ref: "#/$defs/texts", description: addresses and blocks beside public ones}
      allow_http: {$ref: "#/$defs/texts", description: "where http:// may be used"}
      ca_file: {$ref: "#/$defs/text", description: a PEM file of CAs}
      proxy:
        description: "the HTTP proxy that https requests go through"
        type: object
        additionalProperties: false
        required: [url]
        properties:
          url: {$ref: "#/$defs/text", description: "http://host:port"}
          credentials_file: {$ref: "#/$defs/text", description: "a file with one line user:password"}
          no_proxy: {$ref: "#/$defs/texts", description: "hosts that are asked directly: a.example, *.a.example, 10.0.0.0/8"}
          resolves_names: {type: boolean, description: the proxy resolves names and keeps Writ out of what is inside}
      connect_timeout_seconds: {type: integer, minimum: 1, maximum: 60}
      timeout_seconds: {type: integer, minimum: 1, maximum: 120}
  fact_sources:
    description: "who is asked for facts about resources, at the moment of the request (docs/asked-facts.md)"
    type: array
    items:
      type: object
      additionalProperties: false
      required: [name, type, id, attributes]
      properties:
        name: {type: string, minLength: 1, maxLength: 64, description: what messages and the audit call it}
        type: {$ref: "#/$defs/text", description: "the type of the resources, for example Shop::Order"}
        http:
          description: a server that is asked by GET, and answers with JSON
          type: object
          additionalProperties: false
          required: [url]
          properties:
            url: {$ref: "#/$defs/text", description: "with {id}, and perhaps {tenant}, behind the host"}
            bearer_file: {$ref: "#/$defs/text", description: a file with the bearer token that it is asked with}
            bearer_env: {$ref: "#/$defs/text", description: the variable of the environment that holds it}
            ca: {$ref: "#/$defs/text", description: a PEM file of the CAs that its certificate must lead to}
            chain: {$ref: "#/$defs/text", description: a PEM file of the certificate that Writ shows}
            key: {$ref: "#/$defs/text", description: a PEM file of its private key}
            server_name: {$ref: "#/$defs/text", description: the name that its certificate must have}
            max_answer_bytes: {type: integer, minimum: 1024, maximum: 1048576}
        sqlite:
          description: a SQLite database that is asked by one SELECT
          type: object
          additionalProperties: false
          required: [file, statement]
          properties:
            file: {$ref: "#/$defs/text", description: the database}
            statement: {type: string, minLength: 1, maxLength: 16384, description: "a SELECT with the parameters :id and, if it needs it, :tenant"}
        postgres:
          description: a PostgreSQL database that is asked by one SELECT
          type: object
          additionalProperties: false
          required: [host, database, user, statement]
          properties:
            host: {$ref: "#/$defs/text", description: "a name, an address, or the folder of a socket"}
            port: {type: integer, minimum: 1, maximum: 65535}
            database: {$ref: "#/$defs/text", description: the name of the database}
            user: {$ref: "#/$defs/text", description: "a role that may read what the statement reads, and nothing else"}
            password_file: {$ref: "#/$defs/text", description: a file with its password}
            password_env: {$ref: "#/$defs/text", description: the variable of the environment that holds it}
            tls: {type: boolean, description: "with the host's name in the certificate; by default to every host but this machine"}
            ca: {$ref: "#/$defs/text", description: a PEM file of the CAs that its certificate must lead to}
            chain: {$ref: "#/$defs/text", description: a PEM file of the certificate that Writ shows}
            key: {$ref: "#/$defs/text", description: a PEM file of its private key}
            statement: {type: string, minLength: 1, maxLength: 16384, description: "a SELECT with the parameters :id and, if it needs it, :tenant"}
        id: {$ref: "#/$defs/text", description: "where the answer names the id: a JSON pointer, or a column"}
        attributes: {$ref: "#/$defs/names", description: "attributes of the resource, and where in the answer each is"}
        max_age_seconds: {type: integer, minimum: 0, maximum: 3600, description: how long an answer is used}
        missing_max_age_seconds: {type: integer, minimum: 0, maximum: 60, description: "how long it is remembered that the source does not know a resource"}
        timeout_seconds: {type: integer, minimum: 1, maximum: 30}
        threads: {type: integer, minimum: 1, maximum: 64, description: so many questions at a time}
        max_waiting: {type: integer, minimum: 1, maximum: 10000, description: requests that wait for it}
        max_cached: {type: integer, minimum: 1, maximum: 1000000, description: answers that are kept}
        failures: {type: integer, minimum: 1, maximum: 1000, description: "in a row, after which it is left alone for a moment"}
        pause_seconds: {type: integer, minimum: 1, maximum: 300, description: this moment}
  trusted_issuers:
    description: the identity providers whose tokens prove who a user is
    type: array
    items:
      type: object
      additionalProperties: false
      required: [issuer]
      properties:
        issuer: {$ref: "#/$defs/text", description: "the provider's issuer, as in its tokens' `iss`"}
        audience: {$ref: "#/$defs/text", description: "what its tokens' `aud` must be; by default Writ's issuer"}
        jwks_file: {$ref: "#/$defs/text", description: "its public keys, in a file"}
        jwks_uri: {$ref: "#/$defs/text", description: where its public keys are}
        key_refresh:
          type: object
          additionalProperties: false
          properties:
            default_seconds: {type: integer, minimum: 1, maximum: 86400}
            min_seconds: {type: integer, minimum: 1, maximum: 86400}
            max_seconds: {type: integer, minimum: 1, maximum: 86400}
            keep_seconds: {type: integer, minimum: 1, maximum: 2592000}
        claims:
          type: object
          description: its names for claims
          additionalProperties: false
          properties:
            subject: {$ref: "#/$defs/claim"}
            tenant: {$ref: "#/$defs/claim"}
            acr: {$ref: "#/$defs/claim"}
            auth_time: {$ref: "#/$defs/claim"}
        max_token_lifetime_seconds: {type: integer, minimum: 1, maximum: 604800}
        subject_prefix: {type: string, minLength: 1, maxLength: 128, description: what Writ puts before the names that it gives to users}
        tenants:
          description: "the tenants that it may speak for, or a map from its names for them to Writ's"
          anyOf: [{$ref: "#/$defs/texts"}, {$ref: "#/$defs/names"}]
        clients: {$ref: "#/$defs/names", description: "its names for clients, and Writ's"}
        algorithms: {type: array, items: {enum: [ES256, ES384, ES512, EdDSA, Ed25519, RS256, RS384, RS512, PS256, PS384, PS512]}}
        tolerance_seconds: {type: integer, minimum: 0, maximum: 300}
        profile: {$ref: "#/$defs/text", description: "whose tokens they are, for example keycloak or entra (docs/providers.md)"}
        group_prefix: {type: string, minLength: 1, maxLength: 128, description: what Writ puts before the names of its groups}
        links: {$ref: "#/$defs/names", description: "its names for users, and the identities that they are (docs/configuration.md)"}
        workloads: {enum: [kubernetes, github, gitlab, spiffe, google, aws, azure, other], description: "whose workloads it names; it speaks for no users then (docs/workloads.md)"}
        facts:
          description: what policies may read of its users
          anyOf: [{$ref: "#/$defs/texts"}, {type: object, additionalProperties: {$ref: "#/$defs/claim"}}]
        accept:
          description: the APIs that take its access tokens
          type: array
          items:
            type: object
            additionalProperties: false
            required: [api, audiences, kinds, clients]
            properties:
              api: {$ref: "#/$defs/text"}
              audiences: {$ref: "#/$defs/texts", description: "exact values of the tokens' `aud`"}
              kinds: {type: array, items: {enum: [delegated, app_only]}}
              tenants: {$ref: "#/$defs/texts"}
              clients: {$ref: "#/$defs/names", description: "its names for clients, and Writ's"}
              max_lifetime_seconds: {type: integer, minimum: 1, maximum: 86400}
        logout:
          description: it tells when a session is over, and what came from that ends
          type: object
          additionalProperties: false
          required: [audiences]
          properties:
            audiences: {$ref: "#/$defs/texts", description: "values of its logout tokens' `aud`"}
        introspection:
          description: "its access tokens are opaque, and Writ asks it about them (RFC 7662)"
          type: object
          additionalProperties: false
          required: [url, client_id]
          properties:
            url: {$ref: "#/$defs/text", description: where it is asked}
            client_id: {$ref: "#/$defs/text", description: what Writ is called there}
            secret_file: {$ref: "#/$defs/text", description: "Writ's client secret there"}
            key_file: {$ref: "#/$defs/text", description: "a private JWK, for private_key_jwt"}
            max_age_seconds: {type: integer, minimum: 1, maximum: 300, description: "for how long an answer counts, and so a token that was revoked"}
  policies:
    description: where the policies are
    type: object
    additionalProperties: false
    required: [files]
    properties:
      files: {$ref: "#/$defs/texts", description: "Cedar policy files, or folders of them"}
      ignore: {$ref: "#/$defs/texts", description: files in those folders that are not policies}
      schemas: {$ref: "#/$defs/texts", description: Cedar schemas}
      entities: {$ref: "#/$defs/text", description: entities in Cedar's JSON format}
      keep: {type: integer, minimum: 1, maximum: 1000, description: how many revisions are kept}
      watch: {type: boolean, description: files that change are read again automatically}
  calendars:
    description: named stretches of time
    type: object
    additionalProperties:
      type: array
      items:
        type: object
        additionalProperties: false
        required: [from, until]
        properties:
          from: {$ref: "#/$defs/text"}
          until: {$ref: "#/$defs/text"}
          weekdays: {type: array, items: {enum: [mon, tue, wed, thu, fri, sat, sun]}}
          utc_offset: {$ref: "#/$defs/text"}
  inventory:
    description: who takes part, and what is protected
    type: object
    additionalProperties: false
    properties:
      identities: {type: array, items: {$ref: "#/$defs/identity"}}
      apis: {type: array, items: {$ref: "#/$defs/api"}}
      grants:
        description: templates of the policies that one identity is given, until a day
        type: array
        items:
          type: object
          additionalProperties: false
          required: [id, template, principal]
          anyOf: [{required: [expires_at]}, {required: [review_by]}]
          properties:
            id: {$ref: "#/$defs/text"}
            template: {$ref: "#/$defs/text", description: the `@id` of a policy template that permits}
            principal: {$ref: "#/$defs/text", description: "the id of an identity, or an entity as Cedar writes it"}
            resource: {$ref: "#/$defs/text", description: "for `?resource`: an entity as Cedar writes it"}
            expires_at: {$ref: "#/$defs/text"}
            review_by: {$ref: "#/$defs/text", description: without another confirmation it lapses then}
            reviewed_at: {$ref: "#/$defs/text"}
            owner: {$ref: "#/$defs/text", description: the id of the user who answers for it}
            description: {$ref: "#/$defs/text"}
      claims: {enum: [all, contract], description: what tokens carry where their API does not say it}
      imported: {$ref: "#/$defs/text", description: "the folder of what `writ inventory import` wrote"}
  audit:
    type: object
    additionalProperties: false
    properties:
      file: {$ref: "#/$defs/text"}
      mode: {enum: [durable, buffered]}
      rotate_bytes: {type: integer, minimum: 1048576, maximum: 1099511627776}
      reserve_bytes: {type: integer, minimum: 0, maximum: 17179869184}
      strangers_per_second: {type: integer, minimum: 0, maximum: 1000000}
      strangers_bytes_per_second: {type: integer, minimum: 0, maximum: 1073741824}
  limits:
    description: limits on callers
    type: object
    additionalProperties: false
    properties:
      max_connections: {type: integer, minimum: 1, maximum: 1000000}
      max_connections_per_source: {type: integer, minimum: 1, maximum: 1000000}
      max_head_bytes: {type: integer, minimum: 1024, maximum: 65536}
      max_body_bytes: {type: integer, minimum: 1024, maximum: 67108864}
      max_stream_bytes: {type: integer, minimum: 1024, maximum: 1125899906842624}
      max_unauthenticated_bytes: {type: integer, minimum: 65536, maximum: 1099511627776}
      max_authenticated_bytes: {type: integer, minimum: 1048576, maximum: 1099511627776}
      body_timeout_seconds: {type: integer, minimum: 1, maximum: 3600}
      min_body_bytes_per_second: {type: integer, minimum: 1, maximum: 1048576}
      wrong_secrets_per_minute: {type: integer, minimum: 1, maximum: 10000}
      wrong_tokens_per_minute: {type: integer, minimum: 1, maximum: 1000000}
      max_unlisted_stops: {type: integer, minimum: 0, maximum: 10000000}
      max_streams: {type: integer, minimum: 1, maximum: 10000}
      max_entities: {type: integer, minimum: 0, maximum: 10000000}
      max_chain: {type: integer, minimum: 0, maximum: 8}
      upstream_timeout_seconds: {type: integer, minimum: 1, maximum: 3600}
      drain_grace_seconds: {type: integer, minimum: 0, maximum: 300}
      clock_tolerance_seconds: {type: integer, minimum: 1, maximum: 60}
      max_proofs_of_client: {type: integer, minimum: 16, maximum: 16777216}
      max_proofs: {type: integer, minimum: 1024, maximum: 16777216}
      idle_timeout_seconds: {type: integer, minimum: 1, maximum: 3600}
  tasks:
    type: object
    additionalProperties: false
    properties:
      max_per_client: {type: integer, minimum: 1, maximum: 1000000}
      max_bytes_per_client: {type: integer, minimum: 65536, maximum: 4294967296}
      max_scope_bytes: {type: integer, minimum: 1024, maximum: 16777216}
      max_narrowings: {type: integer, minimum: 0, maximum: 1024}
      max_opened_per_minute: {type: integer, minimum: 1, maximum: 1000000}
      forget_after_seconds: {type: integer, minimum: 1, maximum: 31622400}
  approvals:
    type: object
    additionalProperties: false
    properties:
      max_waiting_per_subject: {type: integer, minimum: 1, maximum: 100000}
      max_waiting_per_client: {type: integer, minimum: 1, maximum: 100000}
      max_waiting: {type: integer, minimum: 1, maximum: 1000000}
      max_bytes: {type: integer, minimum: 1048576, maximum: 4294967296}
  database:
    type: object
    additionalProperties: false
    properties:
      max_waiting: {type: integer, minimum: 1, maximum: 100000}
      max_wait_seconds: {type: integer, minimum: 1, maximum: 60}
  metrics:
    type: object
    additionalProperties: false
    properties:
      token_file: {$ref: "#/$defs/text"}
  explain:
    type: object
    additionalProperties: false
    properties:
      redact: {type: array, items: {type: string, pattern: "^(context|resource|principal)\\."}}
  authzen:
    type: object
    additionalProperties: false
    properties:
      access: {enum: [token, open]}
      types: {$ref: "#/$defs/names"}
      action_type: {$ref: "#/$defs/text"}
      action_types: {$ref: "#/$defs/names"}
  api:
    type: object
    additionalProperties: false
    properties:
      audience: {$ref: "#/$defs/text", description: the audience of tokens for Writ's own API}
$defs:
  text: {type: string, minLength: 1}
  texts: {type: array, items: {type: string, minLength: 1}}
  names: {type: object, additionalProperties: {type: string, minLength: 1}}
  key_place:
    description: one of these places
    type: object
    additionalProperties: false
    properties:
      file: {$ref: "#/$defs/text", description: a file that only Writ's user can read}
      environment: {$ref: "#/$defs/text", description: a variable of the environment}
      credential: {$ref: "#/$defs/text", description: "a credential of systemd's, by the name in LoadCredential"}
  claim:
    description: a claim, or the way to a member of one
    anyOf: [{type: string, minLength: 1}, {type: array, minItems: 1, maxItems: 8, items: {type: string, minLength: 1}}]
  date: {type: string, description: "for example 2027-01-31 or 2027-01-31T12:00:00Z"}
  fact:
    type: object
    additionalProperties: false
    required: [from, type]
    properties:
      from: {$ref: "#/$defs/text", description: "path NAME, query NAME, header NAME, body /POINTER, or graphql with type, name or fields"}
      type: {$ref: "#/$defs/text"}
  listener:
    anyOf:
      - {type: string, minLength: 1, description: an IP address and a port}
      - type: object
        additionalProperties: false
        required: [address]
        properties:
          address: {$ref: "#/$defs/text"}
          tls:
            type: object
            additionalProperties: false
            required: [certificates]
            properties:
              certificates:
                type: array
                minItems: 1
                items:
                  type: object
                  additionalProperties: false
                  required: [chain, key]
                  properties: {chain: {$ref: "#/$defs/text"}, key: {$ref: "#/$defs/text"}, ocsp: {$ref: "#/$defs/text"}}
              client_certificates: {enum: [none, asked, required]}
              client_ca: {$ref: "#/$defs/text"}
              client_bundles: {$ref: "#/$defs/names", description: "SPIFFE trust domains, and the files or URLs of their bundles"}
          proxy_protocol: {type: boolean}
          http2: {type: boolean}
  identity:
    type: object
    additionalProperties: false
    required: [id, kind]
    properties:
      id: {$ref: "#/$defs/text", description: unique across all kinds}
      kind: {enum: [user, application, service, agent]}
      status: {enum: [active, requested, suspended, retired]}
      tenant: {$ref: "#/$defs/text"}
      environment: {$ref: "#/$defs/text"}
      owner: {$ref: "#/$defs/text", description: the id of a user}
      acts_for: {$ref: "#/$defs/texts", description: "the parties that it may act for directly; `users` stands for any user"}
      accept_from: {$ref: "#/$defs/texts", description: clients whose provider tokens it may exchange}
      purposes: {$ref: "#/$defs/texts", description: the purposes that it may act for}
      attributes: {type: object, description: "attributes of the principal, for policies"}
      secret_hash: {$ref: "#/$defs/text", description: "`writ keys hash` prints it"}
      jwks_file: {$ref: "#/$defs/text", description: its public keys}
      sponsor: {$ref: "#/$defs/text", description: the id of the user who answers for an agent}
      parent: {$ref: "#/$defs/text", description: the id of the identity that it belongs to}
      description: {type: string, maxLength: 1024}
      provider: {$ref: "#/$defs/text"}
      model: {$ref: "#/$defs/text"}
      blueprint: {$ref: "#/$defs/text"}
      created_at: {$ref: "#/$defs/date"}
      expires_at: {$ref: "#/$defs/date"}
      reviewed_at: {$ref: "#/$defs/date"}
      review_by: {$ref: "#/$defs/date"}
      credentials: {type: array, items: {type: object}}
      needs_owner: {type: boolean, description: it acts only while its owner is active}
      imported: {$ref: "#/$defs/texts", description: the imported identities that it is}
      previous_secret:
        description: "the secret before `secret_hash`, while its clients change"
        type: object
        additionalProperties: false
        required: [hash, until]
        properties: {hash: {$ref: "#/$defs/text"}, until: {$ref: "#/$defs/date"}}
      workload:
        description: "its platform's tokens that show that it is this one (docs/workloads.md)"
        type: array
        maxItems: 16
        items:
          type: object
          additionalProperties: false
          required: [issuer, claims]
          properties:
            issuer: {$ref: "#/$defs/text", description: "one of `trusted_issuers` that has `workloads`"}
            audience: {$ref: "#/$defs/text", description: "the token's `aud`; by default that of the issuer"}
            claims: {type: object, description: "claims and the values that they must have, exactly"}
            facts:
              description: what policies may read of it
              anyOf: [{$ref: "#/$defs/texts"}, {type: object, additionalProperties: {$ref: "#/$defs/claim"}}]
      certificates:
        description: the certificates that show in TLS that it is this one
        type: array
        maxItems: 16
        items:
          type: object
          additionalProperties: false
          properties:
            uri: {type: string, maxLength: 512, description: "the only URI in it, for example a SPIFFE id"}
            dns: {type: string, maxLength: 253, description: one of the DNS names in it}
            sha256: {type: string, maxLength: 43, description: "its SHA-256 in base64url"}
      certificate_bound: {type: boolean, description: "its tokens are bound to the certificate of its connection (RFC 8705)"}
      introspects: {$ref: "#/$defs/texts", description: the APIs whose tokens it may ask about}
  api:
    type: object
    additionalProperties: false
    required: [id, audience, actions]
    properties:
      id: {$ref: "#/$defs/text"}
      audience: {type: string, maxLength: 512, description: the audience of tokens for this API}
      namespace: {$ref: "#/$defs/text", description: the namespace of its Cedar actions}
      actions: {$ref: "#/$defs/texts"}
      claims:
        description: what its tokens carry beside the standard claims
        anyOf:
          - {enum: [all, contract]}
          - {type: array, items: {enum: [purpose, tenant, environment, subject_issuer, acr, auth_time, credential_kind, credential_created, authorization_details, workload]}}
      reads: {$ref: "#/$defs/texts", description: the claims that it reads itself}
      upstream:
        description: where permitted requests go
        anyOf: [{$ref: "#/$defs/text"}, {type: array, minItems: 1, maxItems: 32, items: {$ref: "#/$defs/text"}}]
      upstream_tls:
        type: object
        additionalProperties: false
        properties:
          ca: {$ref: "#/$defs/text"}
          chain: {$ref: "#/$defs/text"}
          key: {$ref: "#/$defs/text"}
          server_name: {type: string, maxLength: 253}
      upstream_options: {$ref: "#/$defs/upstream_options"}
      forward_headers: {type: array, maxItems: 64, items: {$ref: "#/$defs/text"}}
      cors:
        type: object
        additionalProperties: false
        required: [origins]
        properties:
          origins: {$ref: "#/$defs/texts"}
          credentials: {type: boolean}
          expose: {$ref: "#/$defs/texts"}
          max_age_seconds: {type: integer, minimum: 0, maximum: 86400}
      query: {$ref: "#/$defs/query"}
      amounts: {$ref: "#/$defs/names"}
      hosts: {type: array, minItems: 1, items: {type: string, maxLength: 255}}
      redirect_slashes: {type: boolean}
      api_keys: {type: boolean, description: it takes API keys of callers that cannot do better}
      routes: {type: array, items: {$ref: "#/$defs/route"}}
      rates:
        type: array
        maxItems: 32
        description: how often the API may be called
        items:
          type: object
          additionalProperties: false
          required: [per]
          properties:
            per: {enum: [source, client, subject, all]}
            requests: {type: integer, minimum: 1, maximum: 1000000}
            seconds: {type: integer, minimum: 1, maximum: 86400}
            at_once: {type: integer, minimum: 1, maximum: 1000000}
            actions: {$ref: "#/$defs/texts"}
      enforce: {type: boolean, description: "false: what would be refused is recorded, and passes"}
  upstream_options:
    type: object
    additionalProperties: false
    properties:
      refresh_seconds: {type: integer, minimum: 1, maximum: 3600, description: how often names are resolved}
      max_requests: {type: integer, minimum: 1, maximum: 1000000, description: in flight; more are answered 503}
      http2: {type: boolean, description: "https offers it unless this is false; plain HTTP speaks it if this is true"}
      retries:
        type: object
        additionalProperties: false
        properties:
          most: {type: integer, minimum: 0, maximum: 3, description: other addresses that one request may try}
          percent: {type: integer, minimum: 0, maximum: 100, description: of all requests}
          per_second: {type: integer, minimum: 0, maximum: 1000}
      ejection:
        type: object
        additionalProperties: false
        properties:
          failures: {type: integer, minimum: 0, maximum: 1000, description: "in a row; 0: never"}
          statuses: {type: array, items: {type: integer}, description: that are failures too}
          seconds: {type: integer, minimum: 1, maximum: 3600}
          longest_seconds: {type: integer, minimum: 1, maximum: 86400}
      check:
        type: object
        additionalProperties: false
        required: [path]
        properties:
          path: {type: string, pattern: "^/"}
          interval_seconds: {type: integer, minimum: 1, maximum: 3600}
          timeout_seconds: {type: integer, minimum: 1, maximum: 60}
          healthy: {type: integer, minimum: 1, maximum: 100}
          unhealthy: {type: integer, minimum: 1, maximum: 100}
  query: {type: array, maxItems: 64, items: {$ref: "#/$defs/text"}}
  route:
    type: object
    additionalProperties: false
    required: [method, path, action, resource]
    properties:
      method: {$ref: "#/$defs/text"}
      path: {type: string, pattern: "^/"}
      action: {$ref: "#/$defs/text"}
      resource: {$ref: "#/$defs/text", description: a Cedar entity whose id may use the path's parameters}
      attributes:
        type: object
        description: "attributes of the resource: a template, `answer /POINTER`, or where in the request it is"
        additionalProperties: {anyOf: [{type: string, minLength: 1}, {$ref: "#/$defs/fact"}]}
      context: {type: object, description: what policies read as context.input, additionalProperties: {$ref: "#/$defs/fact"}}
      query: {$ref: "#/$defs/query"}
      amounts: {$ref: "#/$defs/names"}
      labels: {type: array, maxItems: 16, items: {type: string, maxLength: 256}}
      public: {type: boolean, description: nobody's token is asked for}
      websocket: {type: boolean, description: the route is for WebSockets}
      stream: {type: boolean, description: "its answers may last, and be quiet; they end when they would be refused"}
      timeouts:
        type: object
        additionalProperties: false
        properties:
          connect_seconds: {type: integer, minimum: 1, maximum: 604800}
          first_byte_seconds: {type: integer, minimum: 1, maximum: 604800}
          idle_seconds: {type: integer, minimum: 1, maximum: 604800}
          whole_seconds: {type: integer, minimum: 1, maximum: 604800}
      decide: {enum: [on response, on read]}
      read: {type: string, pattern: "^/", description: "what the API is asked for before, a part of the path that tells of the resource"}
      id: {$ref: "#/$defs/text", description: where the API's answer names the resource}
      elements: {type: string, description: where the list is in the API's answer}
      keep: {$ref: "#/$defs/texts", description: what else of the API's answer may go out}
      each:
        type: object
        additionalProperties: false
        properties: {action: {$ref: "#/$defs/text"}, resource: {$ref: "#/$defs/text"}}
)yaml";

}  // namespace

codec::Json config_schema() {
  files::Issues issues;
  auto schema = files::parse_document(kSchema, "schema", issues);
  WRIT_CHECK(schema.has_value());
  return *std::move(schema);
}

}  // namespace writ::config
