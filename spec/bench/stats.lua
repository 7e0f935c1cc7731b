-- SPDX-License-Identifier: MIT
--- What a list of measured numbers comes to.
local _M = {}

-- The number that a share of the list is below, from 0 to 1; between two of
-- them, where it falls there.
local function quantile(sorted, share)
  local at = 1 + share * (#sorted - 1)
  local low = math.floor(at)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (at - low) * (sorted[high] - sorted[low])
end

--- The median of a list, and the quartiles on both sides of it.
function _M.spread(list)
  assert(#list > 0, "nothing was measured")
  local sorted = {}
  for i, number in ipairs(list) do
    sorted[i] = number
  end
  table.sort(sorted)
  return { median = quantile(sorted, 0.5), low = quantile(sorted, 0.25),
    high = quantile(sorted, 0.75) }
end

local function combine(one, other, with)
  assert(#one == #other, "not measured side by side")
  local list = {}
  for i = 1, #one do
    list[i] = with(one[i], other[i])
  end
  return list
end

--- Of what was measured side by side, one round after the other, each round's
-- ratio, or difference: what slowed the machine down for a while slowed both.
function _M.ratios(one, other)
  return combine(one, other, function(a, b) return a / b end)
end

function _M.differences(one, other)
  return combine(one, other, function(a, b) return a - b end)
end

return _M
