// The floor of bench_startup: a program that does nothing but tell when its main began.
//
//   bench_startup_empty TIME_BEFORE_EXEC
#include <time.h>
#include <unistd.h>

#include <cstdlib>

int main(int, char** argv) {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  // As FloorMoments in bench_startup_parts.h; this program shall link nothing.
  const long long moments[] = {std::atoll(argv[1]), now.tv_sec * 1'000'000'000LL + now.tv_nsec};
  return ::write(STDOUT_FILENO, moments, sizeof(moments)) == sizeof(moments) ? 0 : 1;
}
