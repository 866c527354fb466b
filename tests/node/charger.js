// A charger in strict mode. Arguments: endpoint, identity, password, subprotocol.
'use strict';
const { RPCClient } = require('ocpp-rpc');
const { strict, say, serve, obey } = require('./wire');

const [endpoint, identity, password, protocol] = process.argv.slice(2);
const answers = {
  'ocpp1.6': {
    RemoteStartTransaction: { status: 'Accepted' },
    RemoteStopTransaction: { status: 'Accepted' },
    Reset: { status: 'Accepted' },
    TriggerMessage: { status: 'Accepted' },
    GetConfiguration: { configurationKey: [{ key: 'HeartbeatInterval', readonly: false, value: '300' }] },
  },
  'ocpp2.0.1': {
    RequestStartTransaction: { status: 'Accepted' },
    RequestStopTransaction: { status: 'Accepted' },
    Reset: { status: 'Accepted' },
    TriggerMessage: { status: 'Accepted' },
    GetVariables: ({ getVariableData }) => ({
      getVariableResult: getVariableData.map(({ component, variable }) => ({
        attributeStatus: 'Accepted', attributeValue: '300', component, variable,
      })),
    }),
  },
};
answers['ocpp2.1'] = answers['ocpp2.0.1'];

const charger = new RPCClient({
  endpoint, identity, password, protocols: [protocol], ...strict,
  backoff: { initialDelay: 50, maxDelay: 200 },
});
serve(charger, identity, answers[protocol]);
charger.connect().then(
  () => {
    say({ connected: identity, protocol: charger.protocol });
    obey(() => charger);
  },
  (error) => {
    say({ refused: error.code ?? String(error), message: error.message });
    process.exit(1);
  },
);
