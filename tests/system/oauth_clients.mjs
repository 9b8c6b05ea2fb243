// npm's oauth4webapi and openid-client against Writ, as strangers to it: what they find in its metadata is all that they know.
// Its arguments: the folder with node_modules, Writ's issuer, the gateway's URL of an invoice, and a provider's token for nora.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, issuer, invoice, subjectToken] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(folder, 'node_modules', name, 'build/index.js')).href);
const oauth = await load('oauth4webapi');
const openid = await load('openid-client');
const RESOURCE = 'https://invoices.acme.example';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const http = { [oauth.allowInsecureRequests]: true };
const said = {};

// oauth4webapi
const server = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...http }));
const batch = { client_id: 'nightly-export' };
const secret = oauth.ClientSecretBasic('demo-nightly-export-secret');
const own = await oauth.processClientCredentialsResponse(server, batch,
  await oauth.clientCredentialsGrantRequest(server, batch, secret, { resource: RESOURCE, purpose: 'export' }, http));
said.client_credentials = own.token_type;

const key = oauth.DPoP(batch, await oauth.generateKeyPair('ES256'));
const bound = await oauth.processClientCredentialsResponse(server, batch,
  await oauth.clientCredentialsGrantRequest(server, batch, secret, { resource: RESOURCE, purpose: 'export' }, { ...http, DPoP: key }));
said.dpop = bound.token_type;

const portal = { client_id: 'support-portal' };
const portalSecret = oauth.ClientSecretBasic('demo-support-portal-secret');
const exchanged = await oauth.processGenericTokenEndpointResponse(server, portal,
  await oauth.genericTokenEndpointRequest(server, portal, portalSecret, EXCHANGE,
    { subject_token: subjectToken, subject_token_type: JWT, resource: RESOURCE, purpose: 'support' }, http));
said.exchanged = (await fetch(invoice, { headers: { authorization: `Bearer ${exchanged.access_token}` } })).status;
await oauth.processRevocationResponse(await oauth.revocationRequest(server, portal, portalSecret, exchanged.access_token, http));
said.revoked = (await fetch(invoice, { headers: { authorization: `Bearer ${exchanged.access_token}` } })).status;
try {
  await oauth.processGenericTokenEndpointResponse(server, portal,
    await oauth.genericTokenEndpointRequest(server, portal, oauth.ClientSecretBasic('wrong'), EXCHANGE,
      { subject_token: subjectToken, subject_token_type: JWT, resource: RESOURCE, purpose: 'support' }, http));
} catch (error) {
  said.wrong_secret = `${error.status} ${error.cause?.[0]?.scheme}`;
}

// openid-client
const config = await openid.discovery(new URL(issuer), 'support-portal', undefined, openid.ClientSecretBasic('demo-support-portal-secret'),
  { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });
const again = await openid.genericGrantRequest(config, EXCHANGE,
  { subject_token: subjectToken, subject_token_type: JWT, resource: RESOURCE, purpose: 'support' });
said.openid_client = (await fetch(invoice, { headers: { authorization: `Bearer ${again.access_token}` } })).status;
await openid.tokenRevocation(config, again.access_token);
said.openid_client_revoked = (await fetch(invoice, { headers: { authorization: `Bearer ${again.access_token}` } })).status;

console.log(JSON.stringify(said));
