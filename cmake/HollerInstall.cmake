# Install rules: what find_package(holler) finds. Nothing installed knows where it was built, so the
# installed tree can be moved.
#
#   lib/libholler.a, include/holler/   the runtime
#   include/holler_system_topics/      what is generated from idl/system/
#   lib/cmake/holler/                  holler::holler, holler::system_topics, holler_add_topics()
#   share/holler/generator/            the generator, which holler_add_topics() runs
#   share/holler/idl/                  holler.fbs, which schemas include, and system/

include(CMakePackageConfigHelpers)

set(holler_install_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/holler")
set(holler_install_generator_dir "${CMAKE_INSTALL_DATADIR}/holler/generator")
set(holler_install_idl_dir "${CMAKE_INSTALL_DATADIR}/holler/idl")
set(holler_install_topics_dir "${CMAKE_INSTALL_INCLUDEDIR}/holler_system_topics")

set_target_properties(holler_system_topics PROPERTIES EXPORT_NAME system_topics)
target_include_directories(holler_system_topics
  INTERFACE "$<INSTALL_INTERFACE:${holler_install_topics_dir}>")
install(TARGETS holler holler_system_topics EXPORT hollerTargets)
install(EXPORT hollerTargets
  NAMESPACE holler::
  DESTINATION "${holler_install_cmake_dir}")

install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/holler" "${PROJECT_BINARY_DIR}/runtime/holler"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(
  DIRECTORY "${PROJECT_BINARY_DIR}/idl/holler_system_topics/"
  DESTINATION "${holler_install_topics_dir}"
  FILES_MATCHING PATTERN "*.h")
install(
  DIRECTORY "${HOLLER_GENERATOR_DIR}/holler_gen"
  DESTINATION "${holler_install_generator_dir}"
  FILES_MATCHING PATTERN "*.py" PATTERN "*.j2" PATTERN "__pycache__" EXCLUDE)
install(
  DIRECTORY "${HOLLER_IDL_DIR}/"
  DESTINATION "${holler_install_idl_dir}"
  FILES_MATCHING PATTERN "*.fbs")
install(
  FILES "${PROJECT_SOURCE_DIR}/LICENSE"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/holler")

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/hollerConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/hollerConfig.cmake"
  INSTALL_DESTINATION "${holler_install_cmake_dir}"
  PATH_VARS holler_install_generator_dir holler_install_idl_dir)
# Before 1.0 a minor version may break what another one offered.
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/hollerConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/hollerConfig.cmake"
        "${PROJECT_BINARY_DIR}/hollerConfigVersion.cmake"
        "${CMAKE_CURRENT_LIST_DIR}/HollerAddTopics.cmake"
        "${CMAKE_CURRENT_LIST_DIR}/HollerDependencies.cmake"
        "${CMAKE_CURRENT_LIST_DIR}/HollerPython.cmake"
  DESTINATION "${holler_install_cmake_dir}")
