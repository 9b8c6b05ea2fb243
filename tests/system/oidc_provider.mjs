// npm's oidc-provider as Acme's login, for tests: opaque access tokens, introspection, and back-channel logout.
// Its arguments: the folder with node_modules, its port, and where logout tokens are posted. Its login form takes any password.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, port, logout] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(path.join(folder, 'node_modules/oidc-provider/lib/index.js')));
const issuer = `http://127.0.0.1:${port}`;
const API = 'urn:acme:invoices';

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'portal', client_secret: 'portal-secret', redirect_uris: [`${issuer}/callback`],
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
      backchannel_logout_uri: logout, backchannel_logout_session_required: true,
      post_logout_redirect_uris: [`${issuer}/bye`],
    },
    { client_id: 'batch', client_secret: 'batch-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    { client_id: 'stranger', client_secret: 'stranger-secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    { client_id: 'writ', client_secret: 'writ-secret', grant_types: [], redirect_uris: [], response_types: [] },
  ],
  scopes: ['openid', 'offline_access', 'read'],
  pkce: { required: () => false },
  issueRefreshToken: async () => true,
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true, allowedPolicy: async () => true },
    backchannelLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => API,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({ scope: 'read', audience: API, accessTokenTTL: 600, accessTokenFormat: 'opaque' }),
    },
  },
  cookies: { keys: ['a test has no secrets'] },
  // Its own posts no logout token to this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
