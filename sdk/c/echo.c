// A plugin in C: `echo` gives back what it gets, `stream` upper-cases text part by part.
//
// The types and functions come from node.h, which `lockgate-guest bindings c` writes from the contract. Whatever crosses
// the border is memory that its receiver frees: what comes in is ours to free, and what goes out is freed after the
// host has copied it. So results hold copies (`node_string_dup`) or values that moved out of the call, never literals.

#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef lockgate_node_types_port_t port_t;
typedef lockgate_node_types_ports_t ports_t;
typedef lockgate_node_types_value_t value_t;
typedef lockgate_node_types_failure_t failure_t;
typedef lockgate_node_types_node_info_t node_info_t;
typedef lockgate_node_types_call_t call_t;
typedef exports_lockgate_node_plugin_list_port_value_t outputs_t;

// What the two nodes have in common: one port in, one port out, both of the same name.
typedef struct {
  const char *name;
  const char *summary;
  port_t port;
} node_t;

// A literal as the bindings' string, without its final zero. To be copied before it crosses the border.
#define TEXT(literal) {(uint8_t *)(literal), sizeof(literal) - 1}

static const node_t nodes[] = {
  {
    .name = "echo",
    .summary = "Gives the value that it gets.",
    .port = {
      .name = TEXT("value"),
      .summary = TEXT("Any value."),
      .kind = LOCKGATE_NODE_TYPES_VALUE_KIND_ANY,
      .required = true,
    },
  },
  {
    .name = "stream",
    .summary = "Upper-cases ASCII letters, part by part.",
    .port = {
      .name = TEXT("text"),
      .summary = TEXT("Text, in parts."),
      .kind = LOCKGATE_NODE_TYPES_VALUE_KIND_TEXT,
      .required = true,
      .streaming = true,
    },
  },
};
static const size_t node_count = sizeof nodes / sizeof *nodes;

static bool echo(call_t *call, outputs_t *outputs, failure_t *failure);
static bool stream(outputs_t *outputs, failure_t *failure);

static const node_t *find_node(const node_string_t *name);
static ports_t ports_of(const node_t *node);
static bool is(const node_string_t *string, const char *literal);
static bool fail(failure_t *failure, const char *message);
static bool no_such_node(failure_t *failure);

// --- What every plugin exports ---------------------------------------------------------------------------------------

void exports_lockgate_node_plugin_describe(exports_lockgate_node_plugin_plugin_info_t *info) {
  node_string_dup(&info->name, "echo-c");
  node_string_dup(&info->version, "0.1.0");
  node_string_dup(&info->summary, "The contract, spoken in C.");
  info->nodes.len = node_count;
  info->nodes.ptr = calloc(node_count, sizeof(node_info_t));
  for (size_t i = 0; i < node_count; i++) {
    node_info_t *node = &info->nodes.ptr[i];
    node_string_dup(&node->name, nodes[i].name);
    node_string_dup(&node->summary, nodes[i].summary);
    node->kind = LOCKGATE_NODE_TYPES_NODE_KIND_TRANSFORM;
    node->ports = ports_of(&nodes[i]);
    node_string_dup(&node->config_schema, "{\"type\":\"object\",\"additionalProperties\":false}");
    node->pure = true;
  }
}

bool exports_lockgate_node_plugin_configure(node_string_t *name, node_string_t *config, ports_t *ports,
                                            failure_t *failure) {
  const node_t *node = find_node(name);
  node_string_free(name);
  node_string_free(config);
  if (!node) {
    return no_such_node(failure);
  }
  *ports = ports_of(node);
  return true;
}

bool exports_lockgate_node_plugin_run(call_t *call, outputs_t *outputs, failure_t *failure) {
  bool ok;
  if (is(&call->node, "echo")) {
    ok = echo(call, outputs, failure);
  } else if (is(&call->node, "stream")) {
    ok = stream(outputs, failure);
  } else {
    ok = no_such_node(failure);
  }
  exports_lockgate_node_plugin_call_free(call);
  return ok;
}

// --- The nodes -------------------------------------------------------------------------------------------------------

static bool echo(call_t *call, outputs_t *outputs, failure_t *failure) {
  for (size_t i = 0; i < call->inputs.len; i++) {
    lockgate_node_types_port_value_t *input = &call->inputs.ptr[i];
    if (is(&input->f0, "value")) {
      outputs->len = 1;
      outputs->ptr = malloc(sizeof *outputs->ptr);
      *outputs->ptr = *input;
      // The value has moved: freeing the call must not free it too.
      memset(input, 0, sizeof *input);
      return true;
    }
  }
  return fail(failure, "the input `value` is missing");
}

static bool stream(outputs_t *outputs, failure_t *failure) {
  node_string_t port;
  node_string_set(&port, "text");

  size_t count = 0;
  bool wanted = true;
  while (wanted) {
    lockgate_node_streaming_list_value_t parts;
    if (!lockgate_node_streaming_next(&port, &parts, failure)) {
      return false;
    }
    if (parts.len == 0) {
      break;
    }
    for (size_t i = 0; wanted && i < parts.len; i++) {
      value_t *part = &parts.ptr[i];
      if (part->tag != LOCKGATE_NODE_TYPES_VALUE_TEXT) {
        lockgate_node_streaming_list_value_free(&parts);
        return fail(failure, "a part of `text` is not text");
      }
      for (size_t at = 0; at < part->val.text.len; at++) {
        uint8_t *letter = &part->val.text.ptr[at];
        if (*letter >= 'a' && *letter <= 'z') {
          *letter += 'A' - 'a';
        }
      }
      wanted = lockgate_node_streaming_emit(&port, part);
      count++;
    }
    lockgate_node_streaming_list_value_free(&parts);
  }

  char line[64];
  node_string_t message;
  snprintf(line, sizeof line, "upper-cased %zu parts", count);
  node_string_set(&message, line);
  lockgate_node_log_log(LOCKGATE_NODE_LOG_LEVEL_INFO, &message);

  // All of the output went its way in parts.
  outputs->len = 0;
  outputs->ptr = NULL;
  return true;
}

// --- Helpers ---------------------------------------------------------------------------------------------------------

static const node_t *find_node(const node_string_t *name) {
  for (size_t i = 0; i < node_count; i++) {
    if (is(name, nodes[i].name)) {
      return &nodes[i];
    }
  }
  return NULL;
}

// One list with a copy of the node's port.
static lockgate_node_types_list_port_t port_list(const node_t *node) {
  port_t *port = malloc(sizeof *port);
  *port = node->port;
  node_string_dup_n(&port->name, (const char *)node->port.name.ptr, node->port.name.len);
  node_string_dup_n(&port->summary, (const char *)node->port.summary.ptr, node->port.summary.len);
  return (lockgate_node_types_list_port_t){.ptr = port, .len = 1};
}

static ports_t ports_of(const node_t *node) {
  return (ports_t){.inputs = port_list(node), .outputs = port_list(node)};
}

static bool is(const node_string_t *string, const char *literal) {
  return string->len == strlen(literal) && memcmp(string->ptr, literal, string->len) == 0;
}

// Says that the input is at fault, and gives the `false` that goes with a failure.
static bool fail(failure_t *failure, const char *message) {
  *failure = (failure_t){.kind = LOCKGATE_NODE_TYPES_FAILURE_KIND_INVALID_INPUT};
  node_string_dup(&failure->message, message);
  return false;
}

static bool no_such_node(failure_t *failure) {
  return fail(failure, "there are the nodes `echo` and `stream`, and no other");
}
