// What workers of other programs leave as a result: any bytes. What goes on from here is JSON in
// one line, as that of our own workers, since it is put into answers and streams as it is.
#pragma once

#include <string>
#include <string_view>

namespace sluice::jobs {

// JSON without the white space between its parts; of what is none, a JSON string.
std::string to_json_line(std::string_view bytes);

}  // namespace sluice::jobs
