// A file as the body of a request, read while it is sent.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "http/client/client.h"

namespace sluice::app {

// `name` as the command line gives it; "-" is standard input. What cannot be read from any place of
// it, a pipe say, is copied to a temporary file first. kInvalid with the reason when it cannot be
// read. A file that becomes shorter meanwhile makes the request fail.
Result<std::shared_ptr<const http::BodySource>> file_body(const std::string& name);

}  // namespace sluice::app
