// Linked into a program, this replaces malloc and its like by ones that count and then do what
// glibc does. Sanitizers have their own malloc, and hooks to count with.
#include "allocation_counter.h"

#include <cerrno>
#include <cstddef>

#include "sanitizers.h"

namespace {

thread_local uint64_t calls = 0;

}  // namespace

#if HOLLER_TEST_SANITIZED

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           size_t),
                                                         void (*on_free)(const volatile void*));

uint64_t holler::AllocatorCalls() {
  static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, size_t) { ++calls; }, [](const volatile void*) { ++calls; });
  return installed == 0 ? UINT64_MAX : calls;
}

#else

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  ++calls;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++calls;
  return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  ++calls;
  return __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  ++calls;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  ++calls;
  __libc_free(memory);
}

}  // extern "C"

uint64_t holler::AllocatorCalls() { return calls; }

#endif
