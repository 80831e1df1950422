# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# What cpack makes: umbeld, umbel, libumbel0 and libumbel-dev for Debian. Build
# with -DCMAKE_INSTALL_PREFIX=/usr, so that libraries go where Debian has them.

set(UMBEL_PACKAGE_CONTACT "the umbel authors <umbel@packages.invalid>" CACHE STRING
	"Who answers for the packages: name and address")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
	"message broker for the services of one machine")
set(CPACK_PACKAGE_CONTACT ${UMBEL_PACKAGE_CONTACT})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
	OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
	WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/finish.cmake)
set(CPACK_COMPONENTS_ALL umbeld umbel libumbel libumbel-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)

set(library libumbel${PROJECT_VERSION_MAJOR})
set(same "(= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_UMBELD_PACKAGE_NAME umbeld)
set(CPACK_DEBIAN_UMBELD_PACKAGE_SECTION net)
set(CPACK_DEBIAN_UMBELD_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_UMBELD_DESCRIPTION
	"umbeld listens on a Unix socket. Programs publish messages on topics, and
whoever subscribed to a matching filter receives them, with the kernel's word
on who sent them.")
set(CPACK_DEBIAN_UMBELD_PACKAGE_CONTROL_EXTRA
	${CMAKE_CURRENT_LIST_DIR}/postinst
	${CMAKE_CURRENT_LIST_DIR}/prerm
	${CMAKE_CURRENT_LIST_DIR}/postrm
	${CMAKE_CURRENT_LIST_DIR}/conffiles)
set(CPACK_DEBIAN_UMBELD_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_UMBEL_PACKAGE_NAME umbel)
set(CPACK_DEBIAN_UMBEL_PACKAGE_SECTION net)
set(CPACK_DEBIAN_UMBEL_PACKAGE_DEPENDS "${library} ${same}")
set(CPACK_DEBIAN_UMBEL_PACKAGE_RECOMMENDS umbeld)
set(CPACK_DEBIAN_UMBEL_DESCRIPTION
	"umbel talks to umbeld, the message broker for the services of one machine:
it publishes, subscribes, asks and answers, and runs a command with a private
broker of its own.")

set(CPACK_DEBIAN_LIBUMBEL_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_LIBUMBEL_PACKAGE_SECTION libs)
file(WRITE ${PROJECT_BINARY_DIR}/packaging/shlibs
	"libumbel ${PROJECT_VERSION_MAJOR} ${library} (>= ${PROJECT_VERSION})\n")
file(WRITE ${PROJECT_BINARY_DIR}/packaging/triggers
	"activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBUMBEL_PACKAGE_CONTROL_EXTRA
	${PROJECT_BINARY_DIR}/packaging/shlibs
	${PROJECT_BINARY_DIR}/packaging/triggers)
set(CPACK_DEBIAN_LIBUMBEL_DESCRIPTION
	"libumbel connects programs to umbeld, and puts connections and subscriptions
back by itself.")

set(CPACK_DEBIAN_LIBUMBEL-DEV_PACKAGE_NAME libumbel-dev)
set(CPACK_DEBIAN_LIBUMBEL-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBUMBEL-DEV_PACKAGE_DEPENDS
	"${library} ${same}, libmsgpack-dev")
set(CPACK_DEBIAN_LIBUMBEL-DEV_DESCRIPTION
	"Header, static library, pkg-config and CMake files, and the manual of the
client library of the umbel message broker.")

include(CPack)
