# SPDX-License-Identifier: Apache-2.0
# cmake -DARCHIVE=x.tar.zst -DTO=folder -P unpack.cmake: unpacks once; an archive that is not there is said and no error.
if(DEFINED ENV{LICHEN_SHARED})
  cmake_path(GET ARCHIVE FILENAME name)
  set(ARCHIVE $ENV{LICHEN_SHARED}/data/models/onnx_ops/${name})
endif()
if(NOT EXISTS ${ARCHIVE})
  message("SKIPPED: no ${ARCHIVE} (set LICHEN_SHARED to the folder that has data/models)")
elseif(NOT EXISTS ${TO}/.whole)
  file(MAKE_DIRECTORY ${TO})
  file(ARCHIVE_EXTRACT INPUT ${ARCHIVE} DESTINATION ${TO})
  file(TOUCH ${TO}/.whole)
endif()
