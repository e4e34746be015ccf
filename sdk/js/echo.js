// A plugin in JavaScript: `echo` gives back what it gets, `stream` upper-cases text part by part.
//
// The contract's imports are modules of their WIT names. Its exports are exports of this module, in camelCase; a failure
// is thrown. All of it runs once while the component is built, and its state is what each call starts from.

import log from "lockgate:node/log@0.1.0";
import streaming from "lockgate:node/streaming@0.1.0";

const value = {
  name: "value",
  summary: "Any value.",
  kind: "any",
  required: true,
  streaming: false,
  schema: null,
};

const text = {
  name: "text",
  summary: "Text, in parts.",
  kind: "text",
  required: true,
  streaming: true,
  schema: null,
};

const nodes = [
  {
    name: "echo",
    summary: "Gives the value that it gets.",
    kind: "transform",
    ports: { inputs: [value], outputs: [value] },
    configSchema: '{"type":"object","additionalProperties":false}',
    pure: true,
  },
  {
    name: "stream",
    summary: "Upper-cases text, part by part.",
    kind: "transform",
    ports: { inputs: [text], outputs: [text] },
    configSchema: '{"type":"object","additionalProperties":false}',
    pure: true,
  },
];

/** What every plugin exports. */
export const plugin = {
  describe() {
    return { name: "echo-js", version: "0.1.0", summary: "The contract, spoken in JavaScript.", nodes };
  },

  configure(node, config) {
    return find(node).ports;
  },

  run(call) {
    switch (find(call.node).name) {
      case "echo":
        return echo(call.inputs);
      case "stream":
        return stream();
    }
  },
};

function echo(inputs) {
  const input = inputs.find(([port]) => port === "value");
  if (!input) {
    throw invalid("the input `value` is missing");
  }
  return [input];
}

function stream() {
  let count = 0;
  for (const part of parts("text")) {
    if (part.tag !== "text") {
      throw invalid("a part of `text` is not text");
    }
    const wanted = streaming.emit("text", { tag: "text", val: part.val.toUpperCase() });
    count += 1;
    if (!wanted) {
      break;
    }
  }
  log.log("info", `upper-cased ${count} parts`);
  // All of the output went its way in parts.
  return [];
}

/** The parts of a streaming input, until it is complete. A failure of its producer is thrown, and becomes this node's own. */
function* parts(port) {
  for (let batch = streaming.next(port); batch.length > 0; batch = streaming.next(port)) {
    yield* batch;
  }
}

function find(name) {
  const node = nodes.find((node) => node.name === name);
  if (!node) {
    throw invalid("there are the nodes `echo` and `stream`, and no other");
  }
  return node;
}

/** The failure of a node whose input is at fault: to be thrown. */
function invalid(message) {
  return { kind: "invalid-input", message, detail: null, retryAfterMs: null };
}
