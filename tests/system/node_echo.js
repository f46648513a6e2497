// SPDX-License-Identifier: Apache-2.0
// Node's own HTTP server as an oracle. Prints its port; then, for each connection that has closed,
// one line: the requests it has read to their end, as JSON. Ends when its standard input does.
'use strict';
const http = require('node:http');

const server = http.createServer({ insecureHTTPParser: false }, (req, res) => {
  const pieces = [];
  const push = req.push;
  // The parser pushes the body and its end synchronously. The stream's own events come later, and
  // not at all if what follows on the connection is malformed.
  req.push = (piece) => {
    if (piece === null) {
      const [path, ...query] = req.url.split('?');
      const body = Buffer.concat(pieces).toString('hex');
      req.socket.ran.push({ method: req.method, path, query: query.join('?'), body });
    } else {
      pieces.push(Buffer.from(piece));
    }
    return push.call(req, piece);
  };
  req.on('error', () => {});
  req.resume();
  req.on('end', () => res.end());
});

server.on('connection', (socket) => {
  socket.ran = [];
  socket.on('close', () => console.log(JSON.stringify(socket.ran)));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
