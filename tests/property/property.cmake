# What the property test and the fuzzer have in common: sources that call writers by numbers, and
# what makes such sources for a schema.

include_guard(DIRECTORY)

set(property_dir "${CMAKE_CURRENT_LIST_DIR}")
set(property_sources
  ${property_dir}/player.cc
  ${property_dir}/player_fields.cc
  ${property_dir}/player_vectors.cc
  ${property_dir}/random_value.cc
  ${property_dir}/schema.cc
  ${property_dir}/value.cc)
file(GLOB property_generators CONFIGURE_DEPENDS
  ${property_dir}/generate.py ${property_dir}/property_gen/*.py
  ${HOLLER_GENERATOR_DIR}/holler_gen/*.py ${HOLLER_GENERATOR_DIR}/holler_gen/templates/*.j2)
holler_find_python(property_python)

# holler_property_sources(<out> <name> <arg>...): <out>/<name>.cc is made by generate.py <arg>...
function(holler_property_sources out name)
  add_custom_command(
    OUTPUT "${out}/${name}.cc"
    COMMAND "${property_python}" "${property_dir}/generate.py" ${ARGN} --name ${name}
            --generator "${HOLLER_GENERATOR_DIR}" --idl "${HOLLER_IDL_DIR}"
            --flatc "${HOLLER_FLATC}" --out-dir "${out}"
    DEPENDS ${property_generators} "${HOLLER_IDL_DIR}/holler.fbs"
    COMMENT "Inventing schemas: ${name}"
    VERBATIM)
endfunction()

# holler_property_target(<target> <out>): calls writers, and is told by their results what they
# refuse. It needs no more of the runtime's publishers than the tests of the generator.
function(holler_property_target target out)
  target_include_directories(${target} BEFORE PRIVATE
    "${property_dir}" "${out}" "${property_dir}/../generator/stub")
  target_compile_definitions(${target} PRIVATE FLATBUFFERS_USE_STD_SPAN HOLLER_ASSERT_BOUNDS=0)
  target_link_libraries(${target} PRIVATE flatbuffers holler_warnings)
endfunction()
