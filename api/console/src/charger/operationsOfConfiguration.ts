/** What is configured in a charger: keys of OCPP 1.6, variables of 2.x. */

import { commandPath, type Operation } from "./operations";

const SETTINGS = "Configuration";

const VARIABLE = [
  {
    name: "component",
    label: "Component",
    required: true,
    hint: "For example SmartChargingCtrlr.",
  },
  { name: "variable", label: "Variable", required: true, hint: "For example Enabled." },
  { name: "componentEvse", label: "EVSE of the component", kind: "number", min: 1, more: true },
  { name: "variableInstance", label: "Instance of the variable", more: true },
  {
    name: "attributeType",
    label: "Attribute",
    kind: "select",
    options: ["Actual", "Target", "MinSet", "MaxSet"].map((each) => [each, each] as const),
    more: true,
  },
] as const;

function variable(values: Readonly<Record<string, string>>): object {
  const evse = values.componentEvse ? { evse: { id: Number(values.componentEvse) } } : {};
  const instance = values.variableInstance ? { instance: values.variableInstance } : {};
  const attribute =
    values.attributeType && values.attributeType !== "Actual"
      ? { attributeType: values.attributeType }
      : {};
  return {
    component: { name: values.component, ...evse },
    variable: { name: values.variable, ...instance },
    ...attribute,
  };
}

export const configuration: readonly Operation[] = [
  {
    id: "read-keys",
    group: SETTINGS,
    only: "1",
    title: "Read configuration",
    about: "Reads configuration keys from the charger.",
    verb: "Read",
    fields: () => [
      { name: "key", label: "Keys", hint: "With commas between; without any, all of them." },
    ],
    request: ({ id }, { key = "" }) => {
      const keys = key.split(/[\s,]+/).filter(Boolean);
      return {
        method: "POST",
        path: commandPath(id, "GetConfiguration"),
        body: keys.length ? { key: keys } : {},
      };
    },
  },
  {
    id: "write-key",
    group: SETTINGS,
    only: "1",
    title: "Change configuration",
    about: "Changes one configuration key. Keys of security take the scope admin.",
    verb: "Change",
    fields: () => [
      { name: "key", label: "Key", required: true, hint: "For example MeterValueSampleInterval." },
      { name: "value", label: "Value" },
    ],
    request: ({ id }, { key, value = "" }) => ({
      method: "POST",
      path: commandPath(id, "ChangeConfiguration"),
      body: { key, value },
    }),
  },
  {
    id: "read-variable",
    group: SETTINGS,
    only: "2",
    title: "Read variable",
    about: "Reads a variable of the charger's device model.",
    verb: "Read",
    fields: () => VARIABLE,
    request: ({ id }, values) => ({
      method: "POST",
      path: commandPath(id, "GetVariables"),
      body: { getVariableData: [variable(values)] },
    }),
  },
  {
    id: "write-variable",
    group: SETTINGS,
    only: "2",
    title: "Set variable",
    about: "Sets a variable of the charger's device model. Those of security take the scope admin.",
    verb: "Set",
    fields: () => [
      ...VARIABLE.slice(0, 2),
      { name: "value", label: "Value" },
      ...VARIABLE.slice(2),
    ],
    request: ({ id }, values) => ({
      method: "POST",
      path: commandPath(id, "SetVariables"),
      body: { setVariableData: [{ ...variable(values), attributeValue: values.value ?? "" }] },
    }),
  },
];
