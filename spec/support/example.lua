-- SPDX-License-Identifier: MIT
--- examples/openresty, for the specs that run it.
local assert = require "luassert"
local process = require "support.process"

local _M = { directory = "examples/openresty/" }

--- The text with the first `from` replaced; there must be one.
function _M.replace(text, from, to)
  local at, last = text:find(from, 1, true)
  assert.is_number(at, "there is no " .. from)
  return text:sub(1, at - 1) .. to .. text:sub(last + 1)
end

--- The lines of a file that match a pattern, as far as its capture goes.
function _M.lines_of(path, pattern)
  local found = {}
  for line in process.read(path):gmatch("[^\n]+") do
    found[#found + 1] = line:match(pattern)
  end
  return table.concat(found, "\n")
end

--- The example's nginx.conf, with the modules that are there.
function _M.read_conf()
  local modules = _M.lines_of(os.getenv "SANDBOX_DIR" .. "/nginx.conf",
    "^%s*(load_module.*)")
  return _M.replace(process.read(_M.directory .. "nginx.conf"),
    "load_module /usr/lib/nginx/modules/ndk_http_module.so;\n"
    .. "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;", modules)
end

--- The lines of a log with errors.
function _M.complaints_of(log)
  local found = ""
  for line in log:gmatch("[^\n]+") do
    if line:find("%[error%]") or line:find("%[alert%]")
      or line:find("%[crit%]") or line:find("%[emerg%]") then
      found = found .. line .. "\n"
    end
  end
  return found
end

return _M
