// For smuggling_test.py: node's own server, which tells on stdout what it reads: first its port, then a line for each request.
import http from 'node:http';

const tell = (told) => process.stdout.write(JSON.stringify(told) + '\n');
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    tell({ method: request.method, target: request.url, fields: request.rawHeaders, body: Buffer.concat(pieces).toString('hex') });
    response.writeHead(200, { 'Content-Length': 0 });
    response.end();
  });
});
server.keepAliveTimeout = 60000;
server.on('clientError', (error, socket) => {
  if (error.code !== 'ECONNRESET') tell({ fault: error.code, read: error.rawPacket?.toString('latin1') });
  socket.destroy();
});
server.listen(0, '127.0.0.1', () => process.stdout.write(server.address().port + '\n'));
