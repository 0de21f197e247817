// SPDX-License-Identifier: Apache-2.0
// lichen-holder with a real server and real connections.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "posix/os.hpp"

namespace lichen::posix {
namespace {

bool wait_for_end(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  return ::poll(&end, 1, 60'000) == 1;
}

class HolderTest : public ::testing::Test {
 protected:
  void start(std::vector<std::string> command) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    Fd reading(ends[0]);
    Fd writing(ends[1]);
    std::vector<std::string> words = {HOLDER, "--listen", "rest=127.0.0.1:0", "--"};
    words.insert(words.end(), command.begin(), command.end());
    holder_ = ::fork();
    ASSERT_GE(holder_, 0);
    if (holder_ == 0) {
      ::dup2(writing.get(), STDOUT_FILENO);
      std::vector<char*> pointers;
      for (std::string& word : words) pointers.push_back(word.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    writing.reset();
    std::string line;
    for (char c = 0; ::read(reading.get(), &c, 1) == 1 && c != '\n';) line += c;
    const auto colon = line.rfind(':');
    ASSERT_NE(colon, std::string::npos) << line;
    port_ = static_cast<std::uint16_t>(std::atoi(line.c_str() + colon + 1));
  }

  int stop(int signal) {
    ::kill(holder_, signal);
    int status = 0;
    ::waitpid(holder_, &status, 0);
    holder_ = 0;
    return status;
  }

  void TearDown() override {
    if (holder_ > 0) stop(SIGTERM);
  }

  // The pid of the server that answered; 0 if the connection broke (the server was killed with it); never refused.
  pid_t ask() {
    const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ADD_FAILURE() << "connection attempt failed, errno " << errno;
      return 0;
    }
    std::string text;
    for (char c = 0; ::recv(client.get(), &c, 1, 0) == 1 && c != '\n';) text += c;
    return std::atoi(text.c_str());
  }

  pid_t holder_ = 0;
  std::uint16_t port_ = 0;
};

TEST_F(HolderTest, NoConnectionIsRefusedWhileTheServerIsKilledAgainAndAgain) {
  start({TEST_SERVER, "--slow"});
  pid_t last = 0;
  for (int kills = 0; kills < 10;) {
    const pid_t pid = ask();
    if (pid == 0) continue;
    EXPECT_NE(pid, last);
    last = pid;
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ++kills;
    while (::kill(pid, 0) == 0) static_cast<void>(ask());
  }
}

TEST_F(HolderTest, EndsWithItsCommandAtSigterm) {
  start({TEST_SERVER});
  pid_t server = 0;
  while (server == 0) server = ask();
  const int status = stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(::kill(server, 0), -1);
}

TEST_F(HolderTest, GivesUpOnACommandThatDoesNotExist) {
  start({"/nonexistent/lichend"});
  int status = 0;
  ASSERT_EQ(::waitpid(holder_, &status, 0), holder_);
  holder_ = 0;
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(HolderTest, TheServerDiesWithAKilledHolder) {
  start({TEST_SERVER});
  pid_t server = 0;
  while (server == 0) server = ask();
  const Fd process = pidfd_open(server);
  ASSERT_TRUE(process.valid());
  stop(SIGKILL);
  // An ended process that nobody reaped still has a pid: the descriptor is what tells.
  EXPECT_TRUE(wait_for_end(process.get()));
}

}  // namespace
}  // namespace lichen::posix
