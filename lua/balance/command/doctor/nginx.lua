-- SPDX-License-Identifier: MIT
--- The doctor looks at a configuration of nginx: whether its workers see the
-- variables with the keys, and what they share.
-- @module balance.command.doctor.nginx

local paths = require "balance.command.paths"
local stop = require "balance.command.stop"
local variables = require "balance.credentials.variables"

local _M = {}

local max_file = 16777216 -- bytes of what `nginx -T` prints

--- Reads a configuration.
-- @tparam string path "-" is standard input
-- @treturn string
-- @raise an end of the command where it cannot be read
function _M.read(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then
    file, problem = io.open(paths.expand(path), "rb")
  end
  local content = file and file:read(max_file)
  if path ~= "-" and file then
    file:close()
  end
  if not content then
    stop.with("usage", ("--nginx: %s"):format(problem
      or path .. ": it cannot be read, or is empty"))
  end
  return content
end

-- Without comments: a # within a word begins none.
local function directives_of(content)
  return ("\n" .. content):gsub("([%s;{}])#[^\n]*", "%1")
end

local function names_of(content, pattern)
  local names, list = {}, {}
  for name in content:gmatch(pattern) do
    if not names[name] then
      names[name], list[#list + 1] = true, name
    end
  end
  return names, list
end

local function check_variables(findings, content, accounts)
  local names = names_of(content, "%f[^%s;{}]env%s+([%w_]+)[^;]*;")
  local missing, is_told = {}, {}
  for _, one in pairs(accounts) do
    for _, credential in ipairs(one.keys and {} or one.provider.credentials) do
      local variable = variables.of(credential)[1]
      local is_needed = variable and os.getenv(variable)
      if is_needed and not names[variable] and not is_told[variable] then
        is_told[variable] = true
        missing[#missing + 1] = variable
      end
    end
  end
  table.sort(missing)
  for _, variable in ipairs(missing) do
    findings:add("wrong", "env", ("nginx hides %s from its workers"):format(
      variable), ("write `env %s;` at the top of nginx.conf"):format(variable))
  end
  if not missing[1] then
    findings:add("ok", "env", "the workers see the variables with keys")
  end
end

--- Looks.
-- @tparam table findings
-- @tparam string configuration
-- @tparam string path it is from
-- @tparam table accounts by name
function _M.look(findings, configuration, path, accounts)
  local content = directives_of(configuration)
  findings:begin "nginx"
  check_variables(findings, content, accounts)
  local _, dicts = names_of(content,
    "%f[^%s;{}]lua_shared_dict%s+([^%s;]+)%s+[^;]+;")
  if dicts[1] then
    findings:add("ok", "shared dicts", table.concat(dicts, ", "))
  else
    findings:add("warning", "shared dicts", "there is none: each worker asks"
      .. " for itself", "write `lua_shared_dict balances 10m;` in http {}, and"
      .. " give it to the cache or the monitor")
  end
  if content:find "%f[^%s;{}]include%s" and path ~= "-" then
    findings:add("warning", "include", "what is included was not read",
      "nginx -T 2>/dev/null | balance doctor --nginx -")
  end
end

return _M
