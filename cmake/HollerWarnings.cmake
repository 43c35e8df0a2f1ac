# holler_warnings: linked privately by all of Holler's own targets, never by users'.

add_library(holler_warnings INTERFACE)
target_compile_options(holler_warnings INTERFACE
  -Wall -Wextra -Wpedantic $<$<BOOL:${HOLLER_WERROR}>:-Werror>)
