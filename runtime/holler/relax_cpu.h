// For loops that wait for another CPU.
#ifndef HOLLER_RELAX_CPU_H_
#define HOLLER_RELAX_CPU_H_

namespace holler {

// Tells the CPU that it spins: that saves power, and leaves the core to its other thread.
inline void RelaxCpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

}  // namespace holler

#endif  // HOLLER_RELAX_CPU_H_
