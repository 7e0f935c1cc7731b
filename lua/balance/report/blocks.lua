-- SPDX-License-Identifier: MIT
--- The line of an account's history, drawn with block characters. It begins at 0,
-- so that the height shows how much is left.
-- @module balance.report.blocks

local _M = {}

local blocks = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

local function block_of(left, high)
  local level = high > 0 and math.floor(left / high * #blocks + 0.5) or 1
  return blocks[math.max(math.min(level, #blocks), 1)]
end

--- Draws the line. A column shows what was left at its end; one before the first
-- sample is blank.
-- @tparam {table,...} samples of a history, one at least
-- @tparam number began Unix time at the left
-- @tparam number now at the right
-- @tparam integer columns
-- @treturn string UTF-8
function _M.draw(samples, began, now, columns)
  local high = 0
  for _, sample in ipairs(samples) do
    high = math.max(high, sample.left)
  end
  local line, next_sample, left = {}, 1, nil
  for column = 1, columns do
    local ends = began + (now - began) / columns * column
    while samples[next_sample] and samples[next_sample].at <= ends do
      left, next_sample = samples[next_sample].left, next_sample + 1
    end
    line[column] = left and block_of(left, high) or " "
  end
  return table.concat(line)
end

return _M
