# Install rules: what find_package(holler) finds. Nothing installed knows where it was built, so the
# installed tree can be moved.
#
#   lib/libholler.a, include/holler/   the runtime
#   lib/cmake/holler/                  holler::holler, holler_add_topics()
#   share/holler/generator/            the generator, which holler_add_topics() runs
#   share/holler/idl/                  holler.fbs, which schemas include

include(CMakePackageConfigHelpers)

set(holler_install_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/holler")
set(holler_install_generator_dir "${CMAKE_INSTALL_DATADIR}/holler/generator")
set(holler_install_idl_dir "${CMAKE_INSTALL_DATADIR}/holler/idl")

install(TARGETS holler EXPORT hollerTargets)
install(EXPORT hollerTargets
  NAMESPACE holler::
  DESTINATION "${holler_install_cmake_dir}")

install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/holler" "${PROJECT_BINARY_DIR}/runtime/holler"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
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
