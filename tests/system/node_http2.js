// SPDX-License-Identifier: Apache-2.0
// A receiver of webhooks that speaks HTTP/2 and HTTP/1.1 over TLS: node's own server. Arguments:
// files of its certificate and key, and what it does instead of answering ("refuse" or "reset" the
// stream, "goaway", "destroy" the connection, "silent"), if not that. Prints its port, then a line of JSON for each request, and
// ends when its standard input does.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const faults = {
  refuse: stream => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
  reset: stream => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  goaway: stream => stream.session.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
  destroy: stream => stream.session.destroy(),
  silent: () => {},
};
const fault = faults[process.argv[4]];
let connections = 0;
const server = http2.createSecureServer({
  cert: fs.readFileSync(process.argv[2]),
  key: fs.readFileSync(process.argv[3]),
  allowHTTP1: true,
}, (request, response) => {
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    console.log(JSON.stringify({
      version: request.httpVersion,
      connections,
      fields: request.headers,
      body: Buffer.concat(parts).toString('base64'),
    }));
    if (fault)
      fault(request.stream);
    else
      response.writeHead(204).end();
  });
});
server.on('secureConnection', () => connections++);
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
