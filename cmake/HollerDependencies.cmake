# What the runtime and the code it generates need; used by the build and by the installed package.
# A project that brings its own Abseil or FlatBuffers has their targets already.

set(_holler_missing "")

if(NOT TARGET absl::status)
  find_package(absl CONFIG QUIET)
  if(NOT absl_FOUND)
    list(APPEND _holler_missing "Abseil (apt install libabsl-dev)")
  endif()
endif()

if(NOT TARGET Threads::Threads)
  find_package(Threads QUIET)
  if(NOT Threads_FOUND)
    list(APPEND _holler_missing "POSIX threads")
  endif()
endif()

# Only headers of FlatBuffers are used, so that programs load one library less. Packages of
# different versions spell the name differently.
if(NOT TARGET holler::flatbuffers_headers)
  if(NOT TARGET flatbuffers::flatbuffers)
    find_package(FlatBuffers QUIET CONFIG NAMES FlatBuffers Flatbuffers flatbuffers)
  endif()
  foreach(_holler_candidate flatbuffers::flatbuffers flatbuffers::flatbuffers_shared)
    if(TARGET ${_holler_candidate})
      get_target_property(_holler_include ${_holler_candidate} INTERFACE_INCLUDE_DIRECTORIES)
      add_library(holler::flatbuffers_headers INTERFACE IMPORTED)
      set_target_properties(holler::flatbuffers_headers PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${_holler_include}"
        # Otherwise flatbuffers::span is std::span only where <span> was included before.
        INTERFACE_COMPILE_DEFINITIONS FLATBUFFERS_USE_STD_SPAN)
      break()
    endif()
  endforeach()
  if(NOT TARGET holler::flatbuffers_headers)
    list(APPEND _holler_missing
      "FlatBuffers (apt install libflatbuffers-dev flatbuffers-compiler)")
  endif()
endif()

if(_holler_missing)
  list(JOIN _holler_missing ", " _holler_missing)
  if(NOT CMAKE_FIND_PACKAGE_NAME STREQUAL "holler")
    message(FATAL_ERROR "Holler needs ${_holler_missing}")
  endif()
  # find_package reports it, as its caller asked for.
  set(holler_FOUND FALSE)
  set(holler_NOT_FOUND_MESSAGE "Holler needs ${_holler_missing}")
endif()

# Programs that carry Abseil and the C++ library within them start sooner and need less memory each:
# what they share otherwise costs more to load than it saves, unless there are many.
option(HOLLER_LINK_STATICALLY "Link Abseil, libstdc++ and libgcc into each program" OFF)
if(HOLLER_LINK_STATICALLY)
  add_link_options(-static-libstdc++ -static-libgcc)
  get_property(_holler_imported DIRECTORY PROPERTY IMPORTED_TARGETS)
  list(FILTER _holler_imported INCLUDE REGEX "^absl::")
  foreach(_holler_target IN LISTS _holler_imported)
    get_target_property(_holler_configurations ${_holler_target} IMPORTED_CONFIGURATIONS)
    foreach(_holler_configuration IN LISTS _holler_configurations)
      set(_holler_property IMPORTED_LOCATION_${_holler_configuration})
      get_target_property(_holler_library ${_holler_target} ${_holler_property})
      string(REGEX REPLACE "[.]so([.][0-9]+)*$" ".a" _holler_library "${_holler_library}")
      if(EXISTS "${_holler_library}")
        set_target_properties(${_holler_target} PROPERTIES ${_holler_property} "${_holler_library}")
      endif()
    endforeach()
  endforeach()
endif()
