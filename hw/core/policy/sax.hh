// SPDX-License-Identifier: GPL-2.0-or-later
// The JSON library's events, checked against the schema's rows and stored in a Policy. Stops at the
// first thing that is wrong.
#ifndef GATEHOUSE_HW_CORE_POLICY_SAX_HH_
#define GATEHOUSE_HW_CORE_POLICY_SAX_HH_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hw/core/policy/policy.hh"
#include "hw/core/policy/schema.hh"
#include "hw/core/policy/tokens.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {

class SchemaReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SchemaReader(Policy& policy) : policy_(policy) {}

  // What ended the reading, when it was not the end of the text.
  const std::string& problem() const { return problem_; }
  // Where: an octet of the text when the text is not JSON, else the number of a token (tokens.hh).
  bool is_syntax() const { return is_syntax_; }
  uint64_t where() const { return where_; }
  const Path& path() const { return path_; }

  bool null() override;
  bool boolean(bool value) override;
  bool number_integer(number_integer_t value) override;
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t value, const string_t& text) override;
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return false; }  // JSON text has none
  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override;

 private:
  // An object that is open; when `in_list`, also the list that its current member holds.
  struct Frame {
    Object object;
    uint64_t first_token;
    uint64_t seen = 0;               // one bit for each of the object's rows
    const Member* member = nullptr;  // whose value comes next
    bool in_list = false;
    size_t index = 0;  // of the list's next element
  };

  bool scalar(const Scalar& scalar);
  // The row for the value that comes now; null after a complaint. `given` names it when no value
  // may stand here.
  const Member* expect(std::string_view given);
  void value_done();
  bool complain(uint64_t token, std::string problem);
  bool complain(std::string problem) { return complain(token_, std::move(problem)); }
  Path current_path() const;

  Policy& policy_;
  std::vector<Frame> frames_;
  uint64_t token_ = 0;  // number of the token of the current event
  std::string problem_;
  uint64_t where_ = 0;
  bool is_syntax_ = false;
  Path path_;
};

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_SAX_HH_
