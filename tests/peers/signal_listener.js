// SPDX-License-Identifier: Apache-2.0
'use strict';

// A browser's place: connect to Backstage's signals, subscribe to a channel, and print each
// message that comes, one a line, until the standard input ends.
//   node signal_listener.js URL CHANNEL [TOKEN]
// The first upgrade request after Backstage has started is never answered: ask again.
const WebSocket = require('ws');

const [url, channel, token] = process.argv.slice(2);

function connect() {
  const socket = new WebSocket(url, token ? [token] : [], { handshakeTimeout: 1000 });
  let open = false;
  socket.on('open', () => {
    open = true;
    socket.send(JSON.stringify({ action: 'subscribe', channel }));
  });
  socket.on('message', data => process.stdout.write(`${data}\n`));
  socket.on('error', () => open || setTimeout(connect, 100));
  socket.on('close', () => open && process.exit(1));
}

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
connect();
