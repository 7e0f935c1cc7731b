-- SPDX-License-Identifier: MIT
--- The doctor looks at the libraries, the trust store and the proxy.
-- @module balance.command.doctor.system

local core = require "balance.core"
local environment = require "balance.environment"
local shell = require "balance.command.shell"
local version = require "balance.version"

local _M = {}

local function check_versions(findings, info)
  local jit = rawget(_G, "jit")
  findings:add("ok", "balance", ("%s on %s"):format(version,
    jit and jit.version or _VERSION))
  findings:add(info.async_dns and "ok" or "warning", "libcurl",
    ("%s with %s, %s HTTP/2, %s"):format(info.libcurl, info.tls,
      info.http2 and "with" or "without", info.async_dns
        and "names are looked up beside the calls"
        or "looking up a name blocks all calls"),
    not info.async_dns and "use a libcurl with a threaded resolver or c-ares"
      or nil)
  findings:add("ok", "OpenSSL", info.libcrypto)
end

local no_store = "install ca-certificates (Debian), or let SSL_CERT_FILE or"
  .. " SSL_CERT_DIR name the certificates of the authorities"

-- How many certificates there are: in a file, or under the hashed names of a
-- directory.
local function count_in(path)
  local file = path and core.stat_file(path) and io.open(path, "rb")
  if file then
    local _, count = (file:read "*a" or ""):gsub(
      "%-%-BEGIN [A-Z ]*CERTIFICATE", "")
    file:close()
    return count
  end
  local output = path and shell.read(("ls -- %s 2>/dev/null"
    .. " | grep -cE '^[0-9a-f]{8}\\.[0-9]+$'"):format(shell.quote(path)))
  return tonumber((output or ""):match "%d+") or 0
end

local function check_trust(findings, info)
  local file = environment.get "SSL_CERT_FILE"
  local path = environment.get "SSL_CERT_DIR"
  local from = file and path and "SSL_CERT_FILE and SSL_CERT_DIR"
    or file and "SSL_CERT_FILE" or path and "SSL_CERT_DIR" or "the system"
  if not file and not path then
    path = info.trust
  end
  local count = count_in(file)
  for each in (path or ""):gmatch "[^:]+" do -- OpenSSL takes a list
    count = count + count_in(each)
  end
  findings:add(count > 0 and "ok" or "wrong", "trust",
    ("%s%s%s, of %s: %d certificate%s"):format(file or "",
      file and path and " and " or "", path or "", from, count,
      count == 1 and "" or "s"), count == 0 and no_store or nil)
  local key_log = environment.get "SSLKEYLOGFILE"
  if key_log then
    findings:add("warning", "TLS keys", ("libcurl writes the keys of each"
      .. " connection to %s"):format(key_log), "unset SSLKEYLOGFILE")
  end
end

local proxies = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

-- Without the user and the password.
local function mask(url)
  local scheme, rest = url:match "^(%a[%w+.-]*://)(.*)$"
  return (scheme or "") .. (rest or url):gsub("^.*@", "***@")
end

local function check_proxy(findings)
  for _, variable in ipairs(proxies) do
    local url = environment.get(variable)
    if url then
      local without = environment.get "no_proxy" or environment.get "NO_PROXY"
      findings:add("ok", "proxy", ("%s, of %s%s"):format(mask(url), variable,
        without and "; asked directly: " .. without or ""))
      return
    end
  end
  findings:add("ok", "proxy", "none")
end

--- Looks.
-- @tparam table findings
function _M.look(findings)
  local info = core.info()
  findings:begin "system"
  check_versions(findings, info)
  check_trust(findings, info)
  check_proxy(findings)
end

return _M
