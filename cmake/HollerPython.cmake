# holler_find_python(<variable>): an interpreter that can run Holler's generator, that is Python
# 3.10 or later with jinja2. Set HOLLER_PYTHON to choose one; it is then the only one tried.

set(HOLLER_PYTHON "" CACHE STRING
    "Python interpreter with jinja2, for Holler's generator. Empty: searched for.")

# Sets <variable> to why <python> cannot run the generator, or to nothing if it can.
function(_holler_python_problem python variable)
  execute_process(
    COMMAND "${python}" -c
            "import sys; assert sys.version_info >= (3, 10), 'older than Python 3.10'; import jinja2"
    RESULT_VARIABLE result
    OUTPUT_QUIET
    ERROR_VARIABLE error)
  if(result EQUAL 0)
    set(${variable} "" PARENT_SCOPE)
    return()
  endif()
  # The last line of a traceback says it all. What could not be started has no traceback.
  string(STRIP "${error}" error)
  string(REGEX REPLACE "^.*\n" "" error "${error}")
  if(error STREQUAL "")
    set(error "${result}")
  endif()
  set(${variable} "${error}" PARENT_SCOPE)
endfunction()

function(holler_find_python variable)
  set(candidates "${HOLLER_PYTHON}")
  if(HOLLER_PYTHON STREQUAL "")
    # Not only the first python3 of the PATH: that may be an environment's, without jinja2, while
    # the system's has it.
    list(APPEND candidates ${Python3_EXECUTABLE})
    string(REPLACE ":" ";" folders "$ENV{PATH}")
    foreach(folder IN LISTS folders ITEMS /usr/bin /usr/local/bin)
      list(APPEND candidates "${folder}/python3")
    endforeach()
    list(REMOVE_DUPLICATES candidates)
  endif()
  set(tried "")
  foreach(candidate IN LISTS candidates)
    if(EXISTS "${candidate}" OR candidate STREQUAL HOLLER_PYTHON)
      _holler_python_problem("${candidate}" problem)
      if(problem STREQUAL "")
        set(${variable} "${candidate}" PARENT_SCOPE)
        return()
      endif()
      string(APPEND tried "  ${candidate}: ${problem}\n")
    endif()
  endforeach()
  message(FATAL_ERROR
    "Holler's generator needs Python 3.10 or later with jinja2. Tried:\n${tried}"
    "Install it (apt install python3-jinja2), or name an interpreter: -DHOLLER_PYTHON=...")
endfunction()
