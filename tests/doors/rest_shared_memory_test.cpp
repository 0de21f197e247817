// SPDX-License-Identifier: Apache-2.0
// The shared memory extension over a real connection, with regions of a test's own making. Real shared memory is in
// tests/posix and tests/lichend.
#include <cstring>

#include "server_fixture.hpp"

namespace lichen::doors {
namespace {

using protocol::good_request;
using ::testing::HasSubstr;

// Regions as plain bytes, which a test may shorten.
class FakeMemory final : public ports::SharedMemory {
 public:
  std::map<std::string, Bytes, std::less<>> objects;
  std::optional<std::uint32_t> last_owner;

  Result<std::unique_ptr<ports::SharedRegion>> open(std::string_view key, std::uint64_t bytes,
                                                    std::optional<std::uint32_t> owner) override {
    last_owner = owner;
    const auto at = objects.find(key);
    if (at == objects.end()) return fail(Code::kNotFound, "open", std::string(key), "no such region");
    if (at->second.size() < bytes) return fail(Code::kBadInput, "open", std::string(key), "too short");
    return std::make_unique<Region>(at->second);
  }

 private:
  class Region final : public ports::SharedRegion {
   public:
    explicit Region(Bytes& bytes) : bytes_(bytes) {}
    Result<void> read(std::uint64_t offset, std::span<std::byte> out) override {
      LICHEN_TRY(check(offset + out.size()));
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
      return {};
    }
    Result<void> write(std::uint64_t offset, ByteView bytes) override {
      LICHEN_TRY(check(offset + bytes.size()));
      std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
      return {};
    }

   private:
    Result<void> check(std::uint64_t end) const {
      if (end <= bytes_.size()) return {};
      return fail(Code::kBadInput, "copy", "region", "it has become shorter");
    }
    Bytes& bytes_;
  };
};

constexpr const char* kRegister = "/v2/systemsharedmemory/region/in/register";
constexpr const char* kStatus = "/v2/systemsharedmemory/status";

std::string shared_request(const std::string& place, const std::string& outputs = "") {
  const std::string input = R"({"name":"image","shape":[1,2,2],"datatype":"FP32","parameters":{)" + place + "}}";
  return protocol::with_inputs(input + "," + protocol::kGoodMode + "," + protocol::kGoodFlag, outputs);
}
const std::string kPlace = R"("shared_memory_region":"in","shared_memory_byte_size":16,"shared_memory_offset":4)";

class RestSharedMemory : public RestServerTest {
 protected:
  RestSharedMemory() {
    shared_memory = &memory;
    memory.objects["/k"] = Bytes(64);
    for (std::size_t i = 0; i < 64; ++i) memory.objects["/k"][i] = static_cast<std::byte>(i);
  }
  ~RestSharedMemory() override { shut_down(); }
  void enroll(HttpClient& client) {
    const HttpReply reply = client.post(kRegister, R"({"key":"/k","offset":8,"byte_size":40})");
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  FakeMemory memory;
};

TEST_F(RestSharedMemory, AnInputIsReadFromARegisteredRegion) {
  start_holding();
  HttpClient client(port);
  enroll(client);
  client.send(HttpClient::post_text(kInfer, shared_request(kPlace)));
  ASSERT_TRUE(held_reaches(1));
  on_server([&] {
    const ByteView input = inference.held[0].input;
    ASSERT_EQ(input.size(), 19U);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(static_cast<std::size_t>(input[i]), 12 + i);
    EXPECT_EQ(static_cast<int>(input[17]), 127) << "those in the body stay what they are";
    inference.give(inference.held[0].id, small_output());
  });
  EXPECT_EQ(client.read_reply().status, 200);
}

TEST_F(RestSharedMemory, AnOutputIsWrittenToARegisteredRegion) {
  start();
  HttpClient client(port);
  enroll(client);
  const std::string outputs =
      R"(,"outputs":[{"name":"scores","parameters":{"shared_memory_region":"in","shared_memory_byte_size":12,"shared_memory_offset":28}},{"name":"count"}])";
  const HttpReply reply = client.post(kInfer, shared_request(kPlace, outputs));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(Json::parse(reply.body)["outputs"][1]["data"][0], -42);
  const Bytes expected = small_output();
  on_server([&] { EXPECT_EQ(std::memcmp(memory.objects["/k"].data() + 36, expected.data(), 12), 0); });
  on_server([&] { EXPECT_EQ(static_cast<int>(memory.objects["/k"][48]), 48) << "and nothing beyond"; });
}

TEST_F(RestSharedMemory, ARegionThatBecameShorterIsAnErrorAndTheNextIsServed) {
  start();
  HttpClient client(port);
  enroll(client);
  on_server([&] { memory.objects["/k"].resize(20); });
  const HttpReply input = client.post(kInfer, shared_request(kPlace));
  EXPECT_EQ(input.status, 400);
  EXPECT_THAT(error_of(input), HasSubstr("shorter"));
  const std::string outputs =
      R"(,"outputs":[{"name":"scores","parameters":{"shared_memory_region":"in","shared_memory_byte_size":12,"shared_memory_offset":28}}])";
  const HttpReply output = client.post(kInfer, good_request(outputs));
  EXPECT_EQ(output.status, 400);
  EXPECT_THAT(error_of(output), HasSubstr("shorter"));
  expect_normal_request_succeeds();
}

TEST_F(RestSharedMemory, StatusListsAndUnregisterForgets) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.get(kStatus).body, "[]");
  enroll(client);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/region/a%20b/register", R"({"key":"/k","byte_size":1})").status, 200);
  const Json all = Json::parse(client.get(kStatus).body);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["name"], "a b");
  EXPECT_EQ(all[1], (Json{{"name", "in"}, {"key", "/k"}, {"offset", 8}, {"byte_size", 40}}));
  EXPECT_EQ(Json::parse(client.get("/v2/systemsharedmemory/region/in/status").body)[0]["name"], "in");
  EXPECT_EQ(client.get("/v2/systemsharedmemory/region/nobody/status").status, 404);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/region/in/unregister", "").status, 200);
  EXPECT_EQ(Json::parse(client.get(kStatus).body).size(), 1U);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/unregister", "").status, 200);
  EXPECT_EQ(client.get(kStatus).body, "[]");
  const HttpReply gone = client.post(kInfer, shared_request(kPlace));
  EXPECT_EQ(gone.status, 400);
  EXPECT_THAT(error_of(gone), HasSubstr("not registered"));
}

TEST_F(RestSharedMemory, PlacesBeyondTheRegionAreRefused) {
  start();
  HttpClient client(port);
  enroll(client);
  for (const char* offset : {"25", "40", "41", "9223372036854775807"}) {
    const std::string place =
        fmt::format(R"("shared_memory_region":"in","shared_memory_byte_size":16,"shared_memory_offset":{})", offset);
    const HttpReply reply = client.post(kInfer, shared_request(place));
    EXPECT_EQ(reply.status, 400) << offset;
    EXPECT_THAT(error_of(reply), HasSubstr("beyond"));
  }
  expect_normal_request_succeeds();
}

TEST_F(RestSharedMemory, BooleansInSharedMemoryAreCheckedToo) {
  start();
  HttpClient client(port);
  enroll(client);
  const std::string flag =
      R"({"name":"flag","shape":[1],"datatype":"BOOL","parameters":{"shared_memory_region":"in","shared_memory_byte_size":1}})";
  const HttpReply reply = client.post(kInfer, protocol::with_flag(flag));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(error_of(reply), HasSubstr("no BOOL"));
}

TEST_F(RestSharedMemory, RegionsAndBytesAreLimited) {
  RestOptions options = quick_options();
  options.regions_max = 3;
  options.regions_bytes_max = 100;
  start(options);
  HttpClient client(port);
  const auto enroll_as = [&](const std::string& name, int bytes) {
    return client.post("/v2/systemsharedmemory/region/" + name + "/register",
                       fmt::format(R"({{"key":"/k","byte_size":{}}})", bytes));
  };
  EXPECT_EQ(enroll_as("a", 60).status, 200);
  EXPECT_EQ(enroll_as("a", 10).status, 400) << "twice";
  EXPECT_EQ(enroll_as("b", 41).status, 503) << "too many bytes";
  EXPECT_EQ(enroll_as("b", 40).status, 200);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/region/a/unregister", "").status, 200);
  EXPECT_EQ(enroll_as("c", 1).status, 200);
  EXPECT_EQ(enroll_as("d", 1).status, 200);
  const HttpReply full = enroll_as("e", 1);
  EXPECT_EQ(full.status, 503);
  EXPECT_THAT(error_of(full), HasSubstr("3 regions"));
}

TEST_F(RestSharedMemory, BadRegistrationsAreToldWhy) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.post(kRegister, R"({"key":"/nobody","byte_size":1})").status, 404);
  EXPECT_EQ(client.post(kRegister, R"({"key":"/k","byte_size":65})").status, 400);
  EXPECT_EQ(client.post(kRegister, "{").status, 400);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/region/%zz/register", R"({"key":"/k","byte_size":1})").status, 400);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/region//register", R"({"key":"/k","byte_size":1})").status, 404);
  EXPECT_EQ(client.post("/v2/systemsharedmemory/register", R"({"key":"/k","byte_size":1})").status, 404);
  EXPECT_EQ(client.get(kRegister).status, 405);
  EXPECT_EQ(client.get(kStatus).body, "[]");
}

TEST_F(RestSharedMemory, CudaMemoryIsRefusedAndItsListIsEmpty) {
  start();
  HttpClient client(port);
  EXPECT_EQ(client.get("/v2/cudasharedmemory/status").body, "[]");
  EXPECT_EQ(client.post("/v2/cudasharedmemory/unregister", "").status, 200);
  const HttpReply reply = client.post("/v2/cudasharedmemory/region/g/register", "{}");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(error_of(reply), HasSubstr("CUDA"));
}

TEST_F(RestSharedMemory, ADeviceWhoseOwnerDoesNotAllowItRefuses) {
  shared_memory = nullptr;
  start();
  HttpClient client(port);
  const HttpReply reply = client.post(kRegister, R"({"key":"/k","byte_size":1})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(error_of(reply), HasSubstr("not allowed"));
  EXPECT_EQ(client.get(kStatus).body, "[]");
}

TEST_F(RestSharedMemory, NobodyKnowsWhoIsBehindATcpConnection) {
  start();
  HttpClient client(port);
  enroll(client);
  EXPECT_EQ(on_server([&] { return memory.last_owner; }), std::nullopt);
}

}  // namespace
}  // namespace lichen::doors
