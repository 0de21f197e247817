// SPDX-License-Identifier: Apache-2.0
// What the test worker can be told to do.
#pragma once

#include <string_view>

namespace lichen::posix {

// As the name of the first input tensor.
inline constexpr std::string_view kGood = "good";
inline constexpr std::string_view kCrashAtLoad = "crash_at_load";
inline constexpr std::string_view kRefuseAtLoad = "refuse_at_load";
inline constexpr std::string_view kHangAtLoad = "hang_at_load";
inline constexpr std::string_view kBombAtLoad = "bomb_at_load";

// As the first byte of a job.
inline constexpr char kEcho = 'e';
inline constexpr char kRefuse = 'r';
inline constexpr char kReadModel = 'm';
inline constexpr char kThread = 't';
inline constexpr char kAbort = 'a';
inline constexpr char kThrow = 'h';
inline constexpr char kLoop = 'l';
inline constexpr char kBomb = 'b';
inline constexpr char kSharedBomb = 'B';
inline constexpr char kExecutable = 'X';
inline constexpr char kOpen = 'o';
inline constexpr char kSocket = 's';
inline constexpr char kFork = 'f';
inline constexpr char kExec = 'x';
inline constexpr char kKillParent = 'k';
inline constexpr char kScribble = 'S';
inline constexpr char kForgeLife = 'L';
inline constexpr char kForgeAnswer = 'A';
inline constexpr char kForgeStatus = 'Z';
inline constexpr char kWakeForEver = 'w';

}  // namespace lichen::posix
