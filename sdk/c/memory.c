// Where a node's memory comes from: first from a piece that its instance has from the start. Link it with the plugin.
//
// It stands in for the C library's malloc, which grows the memory at its first call. Growing asks the kernel to map pages,
// and the next instance asks it to unmap them: more work than all the rest of a small call. A node that stays within
// FIRST_BYTES never grows.
//
// The algorithm is TLSF (Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator for real-time systems",
// 2004): free chunks in lists by size, and bits that say which lists have any, so that finding one takes a bounded time.
// Chunks that are freed merge with free neighbours. What was never used is no chunk and is not written, so it takes no
// memory of the host.

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What an instance has from the start, in bytes, and what its memory grows by at least.
#define FIRST_BYTES (256u << 10)

#define PAGE_BYTES (64u << 10)

// What malloc promises for any type. Chunks have sizes that are multiples of it, and begin HEADER_BYTES before one.
#define ALIGNMENT _Alignof(max_align_t)

// May alias: the same bytes are a list's links now and whatever the program keeps in them then.
typedef struct __attribute__((may_alias)) chunk chunk_t;
struct chunk {
  size_t before; // Bytes of the chunk before it, 0 if it is the first of its piece.
  size_t size;   // Bytes with the header, and USED.
  chunk_t *next; // The links are only a free chunk's: the others have there what the program asked for.
  chunk_t *previous;
};

#define USED ((size_t)1)
#define HEADER_BYTES offsetof(chunk_t, next)

_Static_assert(sizeof(chunk_t) <= ALIGNMENT, "the smallest chunk has room for its links");

// A row for each power of two, with a list for each quarter of the way to the next. Sizes are counted in ALIGNMENTs.
#define LISTS 4u
#define LISTS_LOG2 2u
#define ALIGNMENT_LOG2 4u
#define ROWS (32u - ALIGNMENT_LOG2 - LISTS_LOG2 + 1u)

_Static_assert(ALIGNMENT == 1u << ALIGNMENT_LOG2, "rows are counted from the right size");

static chunk_t *lists[ROWS][LISTS];
static uint8_t filled_lists[ROWS]; // A bit for each list that has a chunk.
static uint32_t filled_rows;       // A bit for each row that has one.

static _Alignas(max_align_t) unsigned char first[FIRST_BYTES];

// The piece that new chunks are cut from, from `top` to `end`; the ones before it are all chunks. Its last bytes, as
// many as a header has, stay free to mark its end.
static chunk_t *top = (chunk_t *)(first + ALIGNMENT - HEADER_BYTES);
static unsigned char *end = first + FIRST_BYTES;
static size_t top_before; // Bytes of the chunk before `top`.

static chunk_t *take(size_t size);
static void give_back(chunk_t *chunk);
static void trim(chunk_t *chunk, size_t size);
static bool have_room(size_t bytes);
static void enlist(chunk_t *chunk);
static void delist(chunk_t *chunk);

// --- Chunks ----------------------------------------------------------------------------------------------------------

static chunk_t *at(void *address, size_t bytes) { return (chunk_t *)((unsigned char *)address + bytes); }

static chunk_t *back(void *address, size_t bytes) { return (chunk_t *)((unsigned char *)address - bytes); }

static size_t size_of(const chunk_t *chunk) { return chunk->size & ~USED; }

static bool is_free(const chunk_t *chunk) { return !(chunk->size & USED); }

static chunk_t *after(chunk_t *chunk) { return at(chunk, size_of(chunk)); }

static chunk_t *chunk_of(void *memory) { return back(memory, HEADER_BYTES); }

static void *memory_of(chunk_t *chunk) { return at(chunk, HEADER_BYTES); }

// What the chunk after this one knows of it.
static void tell_next(chunk_t *chunk) {
  chunk_t *next = after(chunk);
  *(next == top ? &top_before : &next->before) = size_of(chunk);
}

// How large a chunk has to be to give this many bytes; 0 if nothing can.
static size_t size_for(size_t bytes) {
  if (bytes > PTRDIFF_MAX - HEADER_BYTES - ALIGNMENT) {
    errno = ENOMEM;
    return 0;
  }
  size_t size = (bytes + HEADER_BYTES + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  return size < sizeof(chunk_t) ? sizeof(chunk_t) : size;
}

// --- What programs call: all that gives memory to `free`, so that none of it is the C library's ----------------------

void *malloc(size_t bytes) {
  size_t size = size_for(bytes);
  chunk_t *chunk = size ? take(size) : NULL;
  return chunk ? memory_of(chunk) : NULL;
}

void free(void *memory) {
  if (memory) {
    give_back(chunk_of(memory));
  }
}

void *calloc(size_t count, size_t each) {
  size_t bytes;
  if (__builtin_mul_overflow(count, each, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  void *memory = malloc(bytes);
  return memory ? memset(memory, 0, bytes) : NULL;
}

void *realloc(void *memory, size_t bytes) {
  if (!memory) {
    return malloc(bytes);
  }
  size_t size = size_for(bytes);
  if (!size) {
    return NULL;
  }
  chunk_t *chunk = chunk_of(memory);
  size_t had = size_of(chunk);
  if (size > had) {
    chunk_t *next = after(chunk);
    // Asking for room may begin another piece, so `next` is compared once more.
    if (next == top && have_room(size - had) && next == top) {
      top = at(chunk, size);
      top_before = size;
      chunk->size = size | USED;
    } else if (next != top && is_free(next) && had + size_of(next) >= size) {
      delist(next);
      chunk->size += size_of(next);
      tell_next(chunk);
    } else {
      void *moved = malloc(bytes);
      if (moved) {
        memcpy(moved, memory, had - HEADER_BYTES);
        free(memory);
      }
      return moved;
    }
  }
  trim(chunk, size);
  return memory;
}

void *reallocarray(void *memory, size_t count, size_t each) {
  size_t bytes;
  if (__builtin_mul_overflow(count, each, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  if (alignment <= ALIGNMENT) {
    return malloc(bytes);
  }
  if (bytes > PTRDIFF_MAX - alignment) {
    errno = ENOMEM;
    return NULL;
  }
  void *memory = malloc(bytes + alignment);
  if (!memory) {
    return NULL;
  }
  chunk_t *chunk = chunk_of(memory);
  size_t gap = -(uintptr_t)memory & (alignment - 1);
  if (gap) {
    // A gap is a multiple of ALIGNMENT, so it is a chunk.
    chunk_t *aligned = at(chunk, gap);
    aligned->size = (size_of(chunk) - gap) | USED;
    tell_next(aligned);
    chunk->size = gap | USED;
    tell_next(chunk);
    give_back(chunk);
    chunk = aligned;
  }
  trim(chunk, size_for(bytes));
  return memory_of(chunk);
}

void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }

void *valloc(size_t bytes) { return aligned_alloc(PAGE_BYTES, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1))) {
    return EINVAL;
  }
  int before = errno;
  void *found = aligned_alloc(alignment, bytes);
  errno = before; // which this function leaves alone
  if (!found) {
    return ENOMEM;
  }
  *memory = found;
  return 0;
}

size_t malloc_usable_size(void *memory) { return memory ? size_of(chunk_of(memory)) - HEADER_BYTES : 0; }

// --- Free chunks -----------------------------------------------------------------------------------------------------

// Which list has chunks of this size. The sizes below the first power of two that has quarters share the first row.
static void find_list(size_t size, unsigned *row, unsigned *list) {
  size_t units = size / ALIGNMENT;
  if (units < LISTS) {
    *row = 0;
    *list = units;
  } else {
    unsigned log2 = 31 - __builtin_clz(units);
    *row = log2 - LISTS_LOG2 + 1;
    *list = (units >> (log2 - LISTS_LOG2)) & (LISTS - 1);
  }
}

static void enlist(chunk_t *chunk) {
  unsigned row, list;
  find_list(chunk->size, &row, &list);
  chunk_t **head = &lists[row][list];
  chunk->previous = NULL;
  chunk->next = *head;
  if (*head) {
    (*head)->previous = chunk;
  }
  *head = chunk;
  filled_lists[row] |= 1u << list;
  filled_rows |= 1u << row;
}

static void delist(chunk_t *chunk) {
  if (chunk->next) {
    chunk->next->previous = chunk->previous;
  }
  if (chunk->previous) {
    chunk->previous->next = chunk->next;
    return;
  }
  unsigned row, list;
  find_list(chunk->size, &row, &list);
  lists[row][list] = chunk->next;
  if (!chunk->next) {
    filled_lists[row] &= ~(1u << list);
    if (!filled_lists[row]) {
      filled_rows &= ~(1u << row);
    }
  }
}

// A free chunk that is large enough: the first of the first list all of whose chunks are.
static chunk_t *find(size_t size) {
  size_t units = size / ALIGNMENT;
  if (units >= LISTS) {
    unsigned log2 = 31 - __builtin_clz(units);
    size += ALIGNMENT * ((1u << (log2 - LISTS_LOG2)) - 1);
  }
  unsigned row, list;
  find_list(size, &row, &list);
  unsigned fitting = filled_lists[row] & (~0u << list);
  if (!fitting) {
    unsigned rows = filled_rows & (~0u << row << 1);
    if (!rows) {
      return NULL;
    }
    row = __builtin_ctz(rows);
    fitting = filled_lists[row];
  }
  return lists[row][__builtin_ctz(fitting)];
}

// --- Used chunks -----------------------------------------------------------------------------------------------------

static chunk_t *take(size_t size) {
  chunk_t *chunk = find(size);
  if (chunk) {
    delist(chunk);
    chunk->size |= USED;
    trim(chunk, size);
    return chunk;
  }
  if (!have_room(size)) {
    errno = ENOMEM;
    return NULL;
  }
  chunk = top;
  chunk->before = top_before;
  chunk->size = size | USED;
  top = after(chunk);
  top_before = size;
  return chunk;
}

// Frees a used chunk. No two free chunks touch, and none touches `top`.
static void give_back(chunk_t *chunk) {
  chunk->size &= ~USED;
  if (chunk->before) {
    chunk_t *before = back(chunk, chunk->before);
    if (is_free(before)) {
      delist(before);
      before->size += chunk->size;
      chunk = before;
    }
  }
  chunk_t *next = after(chunk);
  if (next != top && is_free(next)) {
    delist(next);
    chunk->size += next->size;
  }
  if (after(chunk) == top) {
    top = chunk;
    top_before = chunk->before;
  } else {
    tell_next(chunk);
    enlist(chunk);
  }
}

// Frees what a used chunk has beyond `size`.
static void trim(chunk_t *chunk, size_t size) {
  size_t rest = size_of(chunk) - size;
  if (!rest) {
    return;
  }
  chunk_t *tail = at(chunk, size);
  tail->size = rest | USED;
  tell_next(tail);
  chunk->size = size | USED;
  tell_next(chunk);
  give_back(tail);
}

// Whether there is room for this many bytes at `top`, after the memory grew if need be.
static bool have_room(size_t bytes) {
  if ((size_t)(end - (unsigned char *)top) >= bytes + HEADER_BYTES) {
    return true;
  }
  size_t pages = (bytes + 2 * ALIGNMENT + FIRST_BYTES - 1) / FIRST_BYTES * (FIRST_BYTES / PAGE_BYTES);
  size_t had = __builtin_wasm_memory_size(0);
  // The end of the very last page has no address.
  if (had + pages >= (1u << 16) || __builtin_wasm_memory_grow(0, pages) == SIZE_MAX) {
    return false;
  }
  unsigned char *base = (unsigned char *)(had * PAGE_BYTES);
  if (base != end) {
    // Another piece: what this one has left is a free chunk, and its end a used one of no size.
    chunk_t *last = back(end, HEADER_BYTES);
    size_t rest = (unsigned char *)last - (unsigned char *)top;
    if (rest) {
      top->before = top_before;
      top->size = rest;
      enlist(top);
      top_before = rest;
    }
    last->before = top_before;
    last->size = USED;
    top = at(base, ALIGNMENT - HEADER_BYTES);
    top_before = 0;
  }
  end = base + pages * PAGE_BYTES;
  return true;
}
