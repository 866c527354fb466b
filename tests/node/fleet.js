// Many chargers in strict mode, each answering what the test has told it to.
// Orders besides calls: {ref, identity, dial: {endpoint, password, protocol}}, {ref, identity, hangUp: true},
// {ref, identity, answers: {Action: {result} | {error} | {silent: true}}}.
'use strict';
const readline = require('readline');
const { RPCClient } = require('ocpp-rpc');
const { strict, say } = require('./wire');

const chargers = new Map();

async function answer(charger, { method, params }) {
  const { result, error, silent } = charger.answers[method] ?? { error: 'NotImplemented' };
  say({ received: method, identity: charger.identity, params });
  if (silent) return new Promise(() => {});
  if (error) throw Object.assign(new Error('as told'), { rpcErrorCode: error, rpcErrorMessage: 'as told' });
  return result;
}

async function dial(identity, { endpoint, password, protocol }) {
  const client = new RPCClient({
    endpoint, identity, password, protocols: [protocol], ...strict, reconnect: false, callConcurrency: 5,
  });
  const charger = { identity, client, answers: chargers.get(identity)?.answers ?? {} };
  chargers.set(identity, charger);
  client.handle((call) => answer(charger, call));
  client.on('badMessage', ({ error }) => say({ violation: String(error), identity }));
  client.on('strictValidationFailure', ({ error }) =>
    say({ violation: String(error), details: error.details, identity }));
  await client.connect();
  return { protocol: client.protocol };
}

async function obey({ identity, call, params, dial: how, answers, hangUp }) {
  if (how) return dial(identity, how);
  const charger = chargers.get(identity);
  if (answers) return void Object.assign(charger.answers, answers);
  if (hangUp) return void charger.client.close({ force: true });
  return charger.client.call(call, params);
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { ref, ...order } = JSON.parse(line);
  try {
    say({ ref, result: (await obey(order)) ?? null });
  } catch (error) {
    say({ ref, error: { code: error.rpcErrorCode ?? error.name, message: error.message } });
  }
}).on('close', () => process.exit(0));
