// SPDX-License-Identifier: Apache-2.0
// Tells the service manager how the agent is, with the protocol of sd_notify(3): "READY=1", "STOPPING=1",
// "STATUS=serving 3 models".
#pragma once

#include <string_view>

namespace lichen::posix {

// Does nothing without $NOTIFY_SOCKET. Never waits; a lost message is lost.
void sd_notify(std::string_view state);

}  // namespace lichen::posix
