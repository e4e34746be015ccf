// Puts sdk/c/memory.c to the test: many allocations of all kinds and sizes, in an order that a seed decides. Each is
// filled, and looked at before it is freed or moved: its bytes are its own, and it lies where it was asked to.
//
// It has one node, `node`, without ports. The call fails if an allocation did not keep its word.

#include "node.h"

#include <stdlib.h>
#include <string.h>

size_t malloc_usable_size(void *memory);

#define SLOTS 300
#define STEPS 4000

typedef struct {
  uint8_t *memory;
  size_t bytes;
  size_t alignment;
  uint8_t fill;
} slot_t;

static slot_t slots[SLOTS];
static uint64_t state = 0x9E3779B97F4A7C15;

// xorshift: as good as chance, and the same in each call.
static uint32_t any(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % below;
}

// Most are small, some are larger than what the allocator begins with.
static size_t any_size(void) {
  switch (any(16)) {
  case 0:
    return any(200 << 10);
  case 1:
  case 2:
    return any(16 << 10);
  case 3:
    return any(16);
  default:
    return any(512);
  }
}

static bool keeps(const slot_t *slot, size_t bytes) {
  if (!slot->memory || (uintptr_t)slot->memory % slot->alignment || malloc_usable_size(slot->memory) < slot->bytes) {
    return false;
  }
  for (size_t at = 0; at < bytes; at++) {
    if (slot->memory[at] != slot->fill) {
      return false;
    }
  }
  return true;
}

static bool step(slot_t *slot) {
  if (slot->memory && !keeps(slot, slot->bytes)) {
    return false;
  }
  size_t bytes = any_size();
  if (slot->memory && any(3) == 0) {
    size_t kept = bytes < slot->bytes ? bytes : slot->bytes;
    *slot = (slot_t){realloc(slot->memory, bytes), bytes, _Alignof(max_align_t), slot->fill};
    if (!keeps(slot, kept)) {
      return false;
    }
  } else if (slot->memory && any(2) == 0) {
    free(slot->memory);
    slot->memory = NULL;
    return true;
  } else {
    free(slot->memory);
    *slot = (slot_t){NULL, bytes, _Alignof(max_align_t), any(256)};
    switch (any(3)) {
    case 0:
      slot->memory = malloc(bytes);
      break;
    case 1:
      slot->fill = 0;
      slot->memory = calloc(1, bytes);
      if (!keeps(slot, bytes)) {
        return false;
      }
      break;
    default:
      slot->alignment <<= any(10);
      slot->memory = aligned_alloc(slot->alignment, bytes);
    }
  }
  memset(slot->memory, slot->fill, bytes);
  return keeps(slot, bytes);
}

static const char *broken(void) {
  for (int i = 0; i < STEPS; i++) {
    // What else grows the memory leaves a gap that is not the allocator's.
    if (i % (STEPS / 10) == 0) {
      __builtin_wasm_memory_grow(0, 1);
    }
    if (!step(&slots[any(SLOTS)])) {
      return "an allocation did not keep its word";
    }
  }
  for (int i = 0; i < SLOTS; i++) {
    if (slots[i].memory && !keeps(&slots[i], slots[i].bytes)) {
      return "an allocation did not keep its word to the end";
    }
    free(slots[i].memory);
  }
  // Volatile: the compiler may leave out what nobody looks at, and take it for granted that it succeeds.
  void *volatile refused = malloc(SIZE_MAX);
  if (refused || (refused = malloc(PTRDIFF_MAX)) || (refused = calloc(SIZE_MAX / 2, 3))) {
    return "there was more memory than there can be";
  }
  size_t pages = __builtin_wasm_memory_size(0);
  for (int i = 0; i < 1000; i++) {
    void *volatile freed = malloc(1 << 20);
    free(freed);
  }
  return __builtin_wasm_memory_size(0) - pages > 32 ? "what was freed is not used again" : NULL;
}

void exports_lockgate_node_plugin_describe(exports_lockgate_node_plugin_plugin_info_t *info) {
  memset(info, 0, sizeof *info);
  node_string_dup(&info->name, "allocations-c");
  node_string_dup(&info->version, "0.1.0");
  info->nodes.len = 1;
  info->nodes.ptr = calloc(1, sizeof *info->nodes.ptr);
  node_string_dup(&info->nodes.ptr->name, "node");
  node_string_dup(&info->nodes.ptr->config_schema, "{}");
  info->nodes.ptr->kind = LOCKGATE_NODE_TYPES_NODE_KIND_TRANSFORM;
}

bool exports_lockgate_node_plugin_configure(node_string_t *name, node_string_t *config,
                                            lockgate_node_types_ports_t *ports, lockgate_node_types_failure_t *failure) {
  (void)failure;
  node_string_free(name);
  node_string_free(config);
  memset(ports, 0, sizeof *ports);
  return true;
}

bool exports_lockgate_node_plugin_run(lockgate_node_types_call_t *call,
                                      exports_lockgate_node_plugin_list_port_value_t *outputs,
                                      lockgate_node_types_failure_t *failure) {
  exports_lockgate_node_plugin_call_free(call);
  memset(outputs, 0, sizeof *outputs);
  const char *message = broken();
  if (!message) {
    return true;
  }
  memset(failure, 0, sizeof *failure);
  failure->kind = LOCKGATE_NODE_TYPES_FAILURE_KIND_INTERNAL;
  node_string_dup(&failure->message, message);
  return false;
}
