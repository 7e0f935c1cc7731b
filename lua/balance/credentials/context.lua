-- SPDX-License-Identifier: MIT
--- What the sources of credentials use of the system and of the call. Each
-- field may be given, for a spec or by the call:
--
-- - `config`: the call's, for the request that asks for a role
-- - `loop`: how to wait
-- - `asks`: whether a role is asked for (true)
-- - `refused`: a token that a service has just refused
-- - `warn(message)`: is told of a file that others can read
-- - `passed`: a list, to which each place without usable keys is added
-- - `read_file(path, max_bytes)`: as `core.read_file`
-- - `getenv(name)`, `now()` in Unix seconds, `home`: the user's directory
--
-- `read(path)` is added: the text of a file; or nil, why there is none and,
-- where the system lacks something, the failure's fields.
-- @module balance.credentials.context

local core = require "balance.core"
local environment = require "balance.environment"
local loops = require "balance.loop"

local _M = {}

local max_file = 65536 -- bytes

--- Whether others than the owner can read a file.
-- @tparam integer mode its permission bits
-- @treturn boolean
function _M.is_readable_by_others(mode)
  return math.floor(mode / 32) % 2 == 1 or math.floor(mode / 4) % 2 == 1
end

-- In words, by what `core.read_file` returns.
local problems = {
  missing = "not there", not_a_file = "not a file", too_large = "too large",
  unreadable = "cannot be read",
  resource = "this system has no file descriptor or memory left to read it",
}

local function reader(context)
  return function(path)
    local content, mode = context.read_file(path, max_file)
    if not content then
      return nil, problems[mode], mode == "resource" and { kind = mode } or nil
    end
    if _M.is_readable_by_others(mode) then
      context.warn(("%s can be read by others (mode %03o), use chmod 600"):
        format(path, mode))
    end
    return content
  end
end

--- A context with all fields.
-- @tparam ?table given
-- @tparam ?table config
-- @treturn table
function _M.new(given, config)
  local context = core.copy(given or {})
  context.config = config or {}
  context.loop = context.loop or loops.choose()
  context.warn = context.warn or function() end
  context.read_file = context.read_file or core.read_file
  context.asks = context.asks ~= false
  context.now = context.now or os.time
  context.getenv = context.getenv or os.getenv
  if context.home == nil then
    context.home = environment.get("HOME", context.getenv)
  end
  context.read = reader(context)
  return context
end

return _M
