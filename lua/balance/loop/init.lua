-- SPDX-License-Identifier: MIT
--- How a call waits: the one thing that differs between a script, nginx and
-- another event loop.
--
-- A loop is a table of three functions: `wait(transfer)` returns once
-- `transfer:done()` is true; `sleep(seconds)`; `gather(functions)` calls all
-- of them side by side and returns when the last has. One that cannot always
-- wait has a fourth, `ready()`: nil, a kind, a message and a hint where a
-- call must not even begin; one that must not keep connections has `leave()`,
-- which is called after each call.
-- @module balance.loop

local spelling = require "balance.spelling"

local _M = {}

--- The loops that come with the module.
_M.names = { blocking = true, nginx = true, cqueues = true, luv = true }

local function is_nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and ngx.get_phase and ngx.timer
end

local function is_cqueues()
  local cqueues = package.loaded.cqueues
  return cqueues and cqueues.running()
end

--- What is wrong with a client's setting `loop`.
-- @param wanted
-- @treturn ?string
function _M.mistake(wanted)
  if type(wanted) == "string" then
    if not _M.names[wanted] then
      return spelling.unknown("loop", wanted, _M.names)
    end
    local ok, message = pcall(require, "balance.loop." .. wanted)
    return not ok and ("the loop '%s' cannot be used here: %s"):format(wanted,
      message:match "[^\n]*") or nil
  elseif type(wanted) ~= "table" then
    return "a loop must be a name or a table, not a " .. type(wanted)
  end
  for _, name in ipairs { "wait", "sleep", "gather" } do
    if type(wanted[name]) ~= "function" then
      return ("a loop must have a function '%s'"):format(name)
    end
  end
end

--- The loop that a call waits in.
-- @tparam ?string|table wanted the client's setting; without one it is found
-- @treturn table
function _M.choose(wanted)
  if type(wanted) == "table" then
    return wanted
  elseif wanted then
    return require("balance.loop." .. wanted)
  elseif is_nginx() then
    return require "balance.loop.nginx"
  elseif is_cqueues() then
    return require "balance.loop.cqueues"
  end
  return require "balance.loop.blocking"
end

return _M
