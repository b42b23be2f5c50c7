// The outcome of a core call. Core never throws, prints or aborts; the addon turns a Status into a JavaScript error.
#pragma once
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace lanewise {

enum class Code { kOk, kInvalidValue, kUnsupported, kOutOfMemory, kIsaUnavailable, kAborted, kModelFormat, kInternal };

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  std::string message;

  bool ok() const { return code == Code::kOk; }
  static Status Ok() { return {}; }
  static Status Invalid(std::string message) { return {Code::kInvalidValue, std::move(message)}; }
  static Status Unsupported(std::string message) { return {Code::kUnsupported, std::move(message)}; }
  static Status OutOfMemory(std::string what) { return {Code::kOutOfMemory, "out of memory: " + std::move(what)}; }
  // Short enough to be made without memory.
  static Status OutOfMemory() { return {Code::kOutOfMemory, "out of memory"}; }
  static Status Internal(std::string message) { return {Code::kInternal, std::move(message)}; }
};

#define LANEWISE_RETURN_IF_ERROR(expression)             \
  do {                                                   \
    ::lanewise::Status lanewise_status_ = (expression);  \
    if (!lanewise_status_.ok()) return lanewise_status_; \
  } while (0)

// Calls `body`, any allocation of which may fail: the standard library throws, the core reports.
template <typename Body>
Status ReportOutOfMemory(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory();
  } catch (const std::length_error&) {  // a container of more elements than there are addresses
    return Status::OutOfMemory();
  }
}

}  // namespace lanewise
