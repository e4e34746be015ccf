// The echo node for the world `pure-node`: it calls nothing of the host, so no shims stand between the two, and links no
// libc, so there is nothing to initialise. It is what calls are measured with.

#include "pure_node.h"

#include <stdlib.h>
#include <string.h>

// What libc would have: `memory.c` sets the one, and the bindings call the other when there is no memory left.
_Thread_local int errno;

void abort(void) { __builtin_trap(); }

typedef lockgate_node_types_port_t port_t;
typedef lockgate_node_types_ports_t ports_t;
typedef lockgate_node_types_port_value_t port_value_t;
typedef lockgate_node_types_failure_t failure_t;

static bool is(const pure_node_string_t *string, const char *literal) {
  return string->len == strlen(literal) && memcmp(string->ptr, literal, string->len) == 0;
}

static bool fail(failure_t *failure, const char *message) {
  *failure = (failure_t){.kind = LOCKGATE_NODE_TYPES_FAILURE_KIND_INVALID_INPUT};
  pure_node_string_dup(&failure->message, message);
  return false;
}

static lockgate_node_types_list_port_t port_list(void) {
  port_t *port = malloc(sizeof *port);
  *port = (port_t){.kind = LOCKGATE_NODE_TYPES_VALUE_KIND_ANY, .required = true};
  pure_node_string_dup(&port->name, "value");
  return (lockgate_node_types_list_port_t){.ptr = port, .len = 1};
}

static ports_t ports(void) { return (ports_t){.inputs = port_list(), .outputs = port_list()}; }

void exports_lockgate_node_plugin_describe(exports_lockgate_node_plugin_plugin_info_t *info) {
  lockgate_node_types_node_info_t *node = malloc(sizeof *node);
  *node = (lockgate_node_types_node_info_t){
    .kind = LOCKGATE_NODE_TYPES_NODE_KIND_TRANSFORM,
    .ports = ports(),
    .pure = true,
  };
  pure_node_string_dup(&node->name, "echo");
  pure_node_string_dup(&node->config_schema, "{}");
  memset(info, 0, sizeof *info);
  pure_node_string_dup(&info->name, "pure-c");
  pure_node_string_dup(&info->version, "0.1.0");
  info->nodes.ptr = node;
  info->nodes.len = 1;
}

bool exports_lockgate_node_plugin_configure(pure_node_string_t *name, pure_node_string_t *config, ports_t *out,
                                            failure_t *failure) {
  (void)failure;
  pure_node_string_free(name);
  pure_node_string_free(config);
  *out = ports();
  return true;
}

bool exports_lockgate_node_plugin_run(lockgate_node_types_call_t *call,
                                      exports_lockgate_node_plugin_list_port_value_t *outputs, failure_t *failure) {
  bool ok = false;
  for (size_t i = 0; !ok && i < call->inputs.len; i++) {
    port_value_t *input = &call->inputs.ptr[i];
    if (is(&input->f0, "value")) {
      outputs->len = 1;
      outputs->ptr = malloc(sizeof *outputs->ptr);
      *outputs->ptr = *input;
      // The value has moved: freeing the call must not free it too.
      memset(input, 0, sizeof *input);
      ok = true;
    }
  }
  exports_lockgate_node_plugin_call_free(call);
  return ok || fail(failure, "the input `value` is missing");
}
