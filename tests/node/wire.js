// What both peers share: one JSON line out per event, one JSON line in per order to call.
'use strict';
const readline = require('readline');
const { createValidator } = require('ocpp-rpc');

// The library asks for urn:Action.req and .conf, its schemas of 2.1 have other names.
const named = (schema) => ({
  ...schema, $id: schema.$id.replace(/Request$/, '.req').replace(/Response$/, '.conf'),
});
const strict = {
  strictMode: true,
  strictModeValidators: [createValidator('ocpp2.1', require('ocpp-rpc/lib/schemas/ocpp2_1.json').map(named))],
};

function say(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

// Answer what Ringmain calls: from the table, else what the action's entry computes.
function serve(peer, identity, answers) {
  peer.handle(({ method, params }) => {
    const answer = typeof answers[method] === 'function' ? answers[method](params) : answers[method];
    say({ received: method, identity, params, answered: answer ?? null });
    if (answer === undefined) throw Object.assign(new Error('no answer'), { rpcErrorCode: 'NotImplemented' });
    return answer;
  });
  peer.on('badMessage', ({ error }) => say({ violation: String(error), identity }));
  peer.on('strictValidationFailure', ({ error }) => say({ violation: String(error), details: error.details, identity }));
  peer.on('disconnect', () => say({ disconnected: identity }));
}

// Each order {ref, identity?, call, params} is answered {ref, result} or {ref, error}.
function obey(peerOf) {
  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const { ref, identity, call, params } = JSON.parse(line);
    try {
      say({ ref, result: await peerOf(identity).call(call, params) });
    } catch (error) {
      say({ ref, error: { code: error.rpcErrorCode ?? error.name, message: error.message } });
    }
  }).on('close', () => process.exit(0));
}

module.exports = { strict, say, serve, obey };
