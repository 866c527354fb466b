// A third-party CSMS in strict mode: every frame that breaks its schema is told as a violation.
'use strict';
const { RPCServer } = require('ocpp-rpc');
const { strict, say, serve, obey } = require('./wire');

const now = () => new Date().toISOString();
const peers = new Map();
let nextTransactionId = 700001; // far from anything that Ringmain would make up by chance

const answers = {
  BootNotification: () => ({ currentTime: now(), interval: 300, status: 'Accepted' }),
  Heartbeat: () => ({ currentTime: now() }),
  StatusNotification: {},
  MeterValues: {},
  StopTransaction: { idTagInfo: { status: 'Accepted' } },
  StartTransaction: () => ({ transactionId: nextTransactionId++, idTagInfo: { status: 'Accepted' } }),
  SecurityEventNotification: {},
  NotifyReport: {},
  NotifyEvent: {},
};
const authorize = {
  'ocpp1.6': { idTagInfo: { status: 'Accepted' } },
  'ocpp2.0.1': { idTokenInfo: { status: 'Accepted' } },
  'ocpp2.1': { idTokenInfo: { status: 'Accepted' } },
};
const transactionEvent = (params) => (params.idToken ? { idTokenInfo: { status: 'Accepted' } } : {});

const server = new RPCServer({ protocols: ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'], ...strict });
server.auth((accept, reject, handshake) => {
  say({ handshake: handshake.identity, password: handshake.password?.toString() ?? null });
  accept({ identity: handshake.identity });
});
server.on('client', (client) => {
  peers.set(client.identity, client);
  serve(client, client.identity, {
    ...answers,
    Authorize: authorize[client.protocol],
    TransactionEvent: transactionEvent,
  });
  say({ connected: client.identity, protocol: client.protocol });
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1').then((http) => {
  say({ listening: http.address().port });
  obey((identity) => peers.get(identity));
});
