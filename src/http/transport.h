// Bytes in and out of one accepted connection, plain or through TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::http {

struct TransferResult {
  enum class Kind : std::uint8_t { kOk, kAgain, kClosed, kFailed };
  Kind kind = Kind::kOk;
  std::size_t bytes = 0;
};

// Non-blocking. Owns the descriptor and closes it. One thread.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual TransferResult read(char* to, std::size_t room) = 0;
  virtual TransferResult write(const char* from, std::size_t size) = 0;
  // Says that nothing more will be sent; reading goes on.
  virtual void finish_sending() = 0;
  [[nodiscard]] virtual int fd() const = 0;
  [[nodiscard]] virtual bool secure() const { return false; }
  // Is a read that gave less than was asked for proof that nothing is left?
  [[nodiscard]] virtual bool short_read_is_empty() const { return true; }
};

std::unique_ptr<Transport> make_plain_transport(int fd);

}  // namespace sluice::http
