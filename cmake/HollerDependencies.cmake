# What the runtime and the code it generates need; used by the build and by the installed package.

include(CMakeFindDependencyMacro)
find_dependency(absl CONFIG)
find_dependency(Threads)
# Only headers of FlatBuffers are used, so that programs load one library less. Packages of
# different versions spell the name differently.
find_package(FlatBuffers QUIET CONFIG NAMES FlatBuffers Flatbuffers flatbuffers)
if(NOT FlatBuffers_FOUND)
  message(FATAL_ERROR "Holler needs FlatBuffers: apt install libflatbuffers-dev flatbuffers-compiler")
endif()
if(NOT TARGET holler::flatbuffers_headers)
  add_library(holler::flatbuffers_headers INTERFACE IMPORTED)
  foreach(candidate flatbuffers::flatbuffers flatbuffers::flatbuffers_shared)
    if(TARGET ${candidate})
      get_target_property(_holler_include ${candidate} INTERFACE_INCLUDE_DIRECTORIES)
      set_target_properties(holler::flatbuffers_headers PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${_holler_include}")
      break()
    endif()
  endforeach()
endif()
