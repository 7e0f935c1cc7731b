-- SPDX-License-Identifier: MIT
--- Puts a report into a file, such as one of node_exporter's textfile
-- collector. It is written beside, and then renamed: whoever reads the file
-- sees a whole report.
-- @module balance.report.file

local core = require "balance.core"

local _M = {}

local function write(path, text)
  local file, problem = io.open(path, "wb")
  if not file then
    return nil, problem
  end
  local ok
  ok, problem = file:write(text)
  local closed, problem_at_end = file:close()
  if not ok or not closed then -- a full disk may show only at the end
    return nil, problem or problem_at_end
  end
  return true
end

-- Whether a file is its owner's alone.
local function is_private(mode)
  return type(mode) == "number" and mode % 64 == 0
end

--- Writes a text into a file, in place of what is there. A device or a FIFO is
-- written to.
-- @tparam string path in a directory that may be written to
-- @tparam string text
-- @treturn ?boolean true
-- @treturn ?string where that is nil, why; what was there is still there
-- @raise where one of them is no text
function _M.save(path, text)
  if type(path) ~= "string" or type(text) ~= "string" then
    error("balance.report.file: the path and the text must be strings", 2)
  end
  local size, mode = core.stat_file(path)
  if not size and mode == "not_a_file" then
    return write(path, text)
  end
  -- the collector reads all that ends with .prom
  local beside = ("%s.%.0f.new"):format(path, core.random() * 2 ^ 52)
  if is_private(mode) then
    core.create_file(beside)
  end
  local ok, problem = write(beside, text)
  if ok then
    ok, problem = os.rename(beside, path)
  end
  if not ok then
    os.remove(beside)
    return nil, problem
  end
  return true
end

return _M
