#include "config/config_schema_parts.h"

namespace writ::config {
namespace {

constexpr std::string_view kParts = R"yaml(
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

std::string_view config_schema_parts() noexcept {
  return kParts;
}

}  // namespace writ::config
