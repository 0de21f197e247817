// SPDX-License-Identifier: Apache-2.0
// A blocking client that sends whatever bytes a test wants and reads replies; no reply within ten seconds is a failure.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace lichen::doors {

struct HttpReply {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // names in small letters
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  explicit HttpClient(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, unix_path.data(), unix_path.size());
    open(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { close(); }

  [[nodiscard]] bool connected() const { return connected_; }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // `with_body` is false for replies to HEAD.
  HttpReply read_reply(bool with_body = true) {
    HttpReply reply;
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!receive()) return reply;
    }
    const std::size_t end = buffer_.find("\r\n\r\n");
    reply.status = std::stoi(buffer_.substr(9, 3));
    read_fields(buffer_.substr(0, end), reply);
    buffer_.erase(0, end + 4);
    const std::size_t length =
        reply.headers.contains("content-length") ? std::stoul(reply.headers["content-length"]) : 0;
    while (with_body && buffer_.size() < length && receive()) {
    }
    if (with_body) {
      reply.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    }
    return reply;
  }

  HttpReply get(std::string_view target, std::string_view method = "GET") {
    send(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n\r\n", method, target));
    return read_reply(method != "HEAD");
  }
  static std::string post_text(std::string_view target, std::string_view body, std::string_view headers = "") {
    return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}", target, headers, body.size(),
                       body);
  }
  HttpReply post(std::string_view target, std::string_view body, std::string_view headers = "") {
    send(post_text(target, body, headers));
    return read_reply();
  }

  // The server closed and has nothing more to say.
  bool at_end() { return buffer_.empty() && !receive(); }
  void shut_sending() { ::shutdown(fd_, SHUT_WR); }
  // Ends the connection so that the server's next write fails.
  void vanish() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  void open(const sockaddr* address, socklen_t length) {
    const timeval timeout{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    connected_ = ::connect(fd_, address, length) == 0;
  }
  bool receive() {
    char bytes[65536];
    const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  static void read_fields(const std::string& head, HttpReply& reply) {
    for (std::size_t at = head.find("\r\n"); at != std::string::npos; at = head.find("\r\n", at + 2)) {
      const std::size_t colon = head.find(": ", at);
      std::string name = head.substr(at + 2, colon - at - 2);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
    }
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace lichen::doors
