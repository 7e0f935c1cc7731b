-- SPDX-License-Identifier: MIT
--- What a fuzzer's bytes say, as input.h has it for C: numbers are taken from
-- the end and text from the front, so that a seed is text.
local _M = {}
_M.__index = _M

function _M.new(data)
  return setmetatable({ data = data, first = 1, last = #data }, _M)
end

--- 0 to 255; 0 at the end.
function _M:byte()
  if self.first > self.last then
    return 0
  end
  self.last = self.last - 1
  return self.data:byte(self.last + 1)
end

--- One of a list.
function _M:choose(list)
  return list[self:byte() % #list + 1]
end

--- What is left.
function _M:rest()
  local text = self.data:sub(self.first, self.last)
  self.first = self.last + 1
  return text
end

--- Text up to a bar, which is taken too, or what is left.
function _M:field()
  local bar = self.data:find("|", self.first, true)
  if not bar or bar > self.last then
    return self:rest()
  end
  local text = self.data:sub(self.first, bar - 1)
  self.first = bar + 1
  return text
end

function _M:is_empty()
  return self.first > self.last
end

return _M
