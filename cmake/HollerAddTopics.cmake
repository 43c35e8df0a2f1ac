# holler_add_topics(<target>
#                   SCHEMAS <file.fbs>...
#                   [INCLUDE_DIRS <dir>...]
#                   [FLATC_ARGS <arg>...])
#
# Makes <target>, an interface library: whoever links it can include the file_topics.h of each
# schema, which is generated before that is compiled. Schemas find what they include beside
# themselves, in INCLUDE_DIRS, and in Holler's own idl/ (holler.fbs). FLATC_ARGS go to flatc for
# file_generated.h.
#
#   holler_add_topics(robot_topics SCHEMAS imu.fbs camera.fbs INCLUDE_DIRS third_party/schemas)
#   target_link_libraries(driver PRIVATE robot_topics)
#
# Building all generates all schemas, also those of a <target> that nobody links, so that none hides
# its errors. Building one program generates only what it links.
#
# A change of a schema, of one it includes, of the generator or of flatc generates anew; only what
# really changed is compiled again. Each topic's budget of memory is printed when it is generated.
#
# Whoever includes this file sets where things are, in the source tree or installed:
#   HOLLER_GENERATOR_DIR   the folder that holds holler_gen/
#   HOLLER_IDL_DIR         the folder that holds holler.fbs
#   HOLLER_FLATC           flatc: a path or a target; looked for if not set

cmake_policy(VERSION 3.20...3.25)  # From 3.20 on, DEPFILE works with any build tool.
include("${CMAKE_CURRENT_LIST_DIR}/HollerPython.cmake")

foreach(needed HOLLER_GENERATOR_DIR/holler_gen/__main__.py HOLLER_IDL_DIR/holler.fbs)
  string(REGEX MATCH "^[^/]+" variable "${needed}")
  string(REGEX REPLACE "^[^/]+" "${${variable}}" path "${needed}")
  if(NOT EXISTS "${path}")
    message(FATAL_ERROR
      "HollerAddTopics.cmake: ${variable} is \"${${variable}}\", but there is no ${path}")
  endif()
  # A function sees its caller's variables, and that may be a project above this one.
  set_property(GLOBAL PROPERTY _${variable} "${${variable}}")
endforeach()

if(NOT HOLLER_FLATC)
  find_program(HOLLER_FLATC flatc DOC "The FlatBuffers compiler, for Holler's generator")
  if(NOT HOLLER_FLATC)
    message(FATAL_ERROR
      "Holler's generator needs flatc, the FlatBuffers compiler. Install it "
      "(apt install flatbuffers-compiler), or name it: -DHOLLER_FLATC=...")
  endif()
endif()
set_property(GLOBAL PROPERTY _HOLLER_FLATC "${HOLLER_FLATC}")

function(holler_add_topics target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SCHEMAS;INCLUDE_DIRS;FLATC_ARGS")
  set(usage "holler_add_topics(${target} ...):")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${usage} unknown argument \"${arg_UNPARSED_ARGUMENTS}\"; "
                        "schemas are named after SCHEMAS")
  endif()
  foreach(name IN ITEMS "${target}" "${target}_generate")
    if(TARGET "${name}")
      message(FATAL_ERROR "${usage} there is a target ${name} already; take another name")
    endif()
  endforeach()
  if(NOT arg_SCHEMAS)
    message(FATAL_ERROR "${usage} no schemas; name at least one: SCHEMAS file.fbs")
  endif()

  get_property(python GLOBAL PROPERTY _HOLLER_PYTHON)
  if(NOT python)
    holler_find_python(python)
    set_property(GLOBAL PROPERTY _HOLLER_PYTHON "${python}")
  endif()
  get_property(generator_dir GLOBAL PROPERTY _HOLLER_GENERATOR_DIR)
  get_property(idl_dir GLOBAL PROPERTY _HOLLER_IDL_DIR)
  get_property(flatc GLOBAL PROPERTY _HOLLER_FLATC)
  set(flatc_target "")
  if(TARGET "${flatc}")
    set(flatc_target "${flatc}")
    set(flatc "$<TARGET_FILE:${flatc}>")
  endif()

  set(includes "")
  foreach(dir IN LISTS arg_INCLUDE_DIRS)
    get_filename_component(dir "${dir}" ABSOLUTE)
    if(NOT IS_DIRECTORY "${dir}")
      message(FATAL_ERROR "${usage} there is no folder ${dir}; correct INCLUDE_DIRS")
    endif()
    list(APPEND includes -I "${dir}")
  endforeach()
  list(TRANSFORM arg_FLATC_ARGS PREPEND "--flatc-arg=" OUTPUT_VARIABLE flatc_args)

  set(out_dir "${CMAKE_CURRENT_BINARY_DIR}/${target}")
  set(stamps "")
  set(names "")
  foreach(schema IN LISTS arg_SCHEMAS)
    get_filename_component(path "${schema}" ABSOLUTE)
    get_filename_component(name "${path}" NAME_WLE)
    get_source_file_property(is_generated "${path}" GENERATED)
    if(NOT EXISTS "${path}" AND NOT is_generated)
      message(FATAL_ERROR "${usage} there is no file ${path}; correct SCHEMAS")
    endif()
    if(name IN_LIST names)
      message(FATAL_ERROR "${usage} two schemas would become ${name}_topics.h; "
                          "rename one, or put it into a target of its own")
    endif()
    list(APPEND names "${name}")
    # The stamp is always touched, the headers only when they change: so a build is up to date
    # after the generator ran, and whoever includes a header is not compiled without need.
    set(stamp "${out_dir}/${name}.stamp")
    list(APPEND stamps "${stamp}")
    add_custom_command(
      OUTPUT "${stamp}"
      BYPRODUCTS "${out_dir}/${name}_topics.h" "${out_dir}/${name}_schema.h"
                 "${out_dir}/${name}_generated.h"
      COMMAND "${python}" -B "${generator_dir}/holler_gen" --flatc "${flatc}" ${includes}
              -I "${idl_dir}" ${flatc_args} --depfile "${stamp}.d" --stamp "${stamp}"
              --out-dir "${out_dir}" "${path}"
      DEPENDS "${path}" ${flatc_target}
      DEPFILE "${stamp}.d"
      COMMENT "Generating topics of ${name}.fbs"
      VERBATIM)
  endforeach()

  add_custom_target(${target}_generate ALL DEPENDS ${stamps})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_generate)
  # Whoever installs the target says where its headers are then.
  target_include_directories(${target} INTERFACE "$<BUILD_INTERFACE:${out_dir}>")
  target_link_libraries(${target} INTERFACE holler::holler)
endfunction()
