#include "config/config_schema.h"

#include "base/check.h"
#include "config/config_schema_parts.h"
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
  posture:
    description: "what `writ posture` finds and somebody answers for (docs/posture.md)"
    type: object
    additionalProperties: false
    properties:
      exceptions:
        type: array
        maxItems: 10000
        items:
          type: object
          additionalProperties: false
          required: [finding, owner, reason, until]
          properties:
            finding: {type: string, pattern: "^[a-z-]+(:.+)?$", description: "a check, or the id of a finding: check:subject"}
            subject: {$ref: "#/$defs/text", description: "whom or what the finding is about, where `finding` is a check"}
            owner: {$ref: "#/$defs/text", description: who answers for it}
            reason: {$ref: "#/$defs/text", description: why it is not mended}
            until: {$ref: "#/$defs/date", description: from this day on it counts again}
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
)yaml";

}  // namespace

codec::Json config_schema() {
  files::Issues issues;
  auto schema =
      files::parse_document(std::string(kSchema) + std::string(config_schema_parts()), "schema", issues);
  WRIT_CHECK(schema.has_value());
  return *std::move(schema);
}

}  // namespace writ::config
