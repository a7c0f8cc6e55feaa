#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/hdb/hdb_part_data.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace millrace::persistence {

/// A part as a later schema, or the same, has it: columns that the part has not
/// are null, narrower ones are converted. `view` touches no file.
class part_source final : public segment_source,
                          public std::enable_shared_from_this<part_source> {
public:
  part_source(std::shared_ptr<hdb_part_data> data,
              std::shared_ptr<const table_schema> schema);

  [[nodiscard]] const std::shared_ptr<const table_schema>&
  schema() const noexcept {
    return schema_;
  }
  [[nodiscard]] table_view view() const;

  result<segment_view>
  open(std::span<const uint32_t> columns, bool ranges,
       std::shared_ptr<const held_bytes>& keep) const override;
  result<segment_values> read(uint32_t column, uint32_t begin,
                              uint32_t end) const override;
  result<segment_values> read_order(uint32_t begin,
                                    uint32_t end) const override;

private:
  [[nodiscard]] segment_view closed() const;

  std::shared_ptr<hdb_part_data> data_;
  std::shared_ptr<const table_schema> schema_;
  std::vector<std::optional<size_t>> stored_; ///< Column in the part.
  std::vector<column_view> columns_;
  std::vector<zone_map> zones_;
};

} // namespace millrace::persistence
