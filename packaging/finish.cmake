# SPDX-FileCopyrightText: the umbel authors
# SPDX-License-Identifier: MIT
#
# Run by cpack over the files of each package, before it packs them: what Debian
# asks of a package and other installations do not need.

function(run)
	execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(source ${CMAKE_CURRENT_LIST_DIR}/..)

# Units say where umbeld is in a package, wherever else this was built for.
function(start_with unit command)
	set(file ${CPACK_TEMPORARY_DIRECTORY}/umbeld/usr/lib/systemd/${unit})
	file(READ ${file} text)
	string(REGEX REPLACE "\nExecStart=[^\n]*" "\nExecStart=${command}"
		text "${text}")
	file(WRITE ${file} "${text}")
endfunction()

# The broker of the machine has a file that is there to be changed.
file(COPY ${CMAKE_CURRENT_LIST_DIR}/umbeld.yaml
	DESTINATION ${CPACK_TEMPORARY_DIRECTORY}/umbeld/etc/umbel)
start_with(system/umbeld.service
	"/usr/bin/umbeld --config /etc/umbel/umbeld.yaml")
start_with(user/umbeld.service /usr/bin/umbeld)

foreach(component ${CPACK_COMPONENTS_ALL})
	string(TOUPPER ${component} upper)
	set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
	set(share ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr/share)

	set(doc ${share}/doc/${package})
	if(IS_DIRECTORY ${share}/doc/umbel AND NOT component STREQUAL "umbel")
		file(RENAME ${share}/doc/umbel ${doc})
	endif()
	file(MAKE_DIRECTORY ${doc})
	file(COPY_FILE ${source}/LICENSE ${doc}/copyright)
	file(COPY_FILE ${source}/CHANGELOG.md ${doc}/changelog)
	file(GLOB pages ${share}/man/*/*)
	run(gzip -9n ${doc}/changelog ${pages})
	run(chmod -R u=rwX,go=rX ${CPACK_TEMPORARY_DIRECTORY}/${component})
endforeach()
