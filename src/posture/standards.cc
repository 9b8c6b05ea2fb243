#include "posture/standards.h"

#include <algorithm>
#include <vector>

namespace writ::posture {
namespace {

constexpr std::string_view kNhi = "OWASP Non-Human Identities Top 10 2025";
constexpr std::string_view kNhiSource =
    "https://owasp.org/www-project-non-human-identities-top-10/2025/top-10-2025/";
constexpr std::string_view kCsf = "NIST Cybersecurity Framework 2.0";
constexpr std::string_view kCsfSource = "https://doi.org/10.6028/NIST.CSWP.29";
constexpr std::string_view kZeroTrust = "NIST SP 800-207 Zero Trust Architecture, section 2.1";
constexpr std::string_view kZeroTrustSource = "https://doi.org/10.6028/NIST.SP.800-207";
constexpr std::string_view kControls = "NIST SP 800-53 Rev. 5";
constexpr std::string_view kControlsSource = "https://doi.org/10.6028/NIST.SP.800-53r5";
constexpr std::string_view kAgentic = "OWASP Top 10 for Agentic Applications for 2026";
constexpr std::string_view kAgenticSource =
    "https://genai.owasp.org/resource/owasp-top-10-for-agentic-applications-for-2026/";
constexpr std::string_view kMcp = "OWASP MCP Top 10 2025 (v0.1)";
constexpr std::string_view kMcpSource = "https://owasp.org/www-project-mcp-top-10/";
constexpr std::string_view kApi = "OWASP API Security Top 10 2023";
constexpr std::string_view kApiSource = "https://owasp.org/API-Security/editions/2023/en/0x11-t10/";
// It has no ids: the number of the document and the headings of its sections name what is meant.
constexpr std::string_view kNsa =
    "NSA PP-26-1834 Model Context Protocol (MCP): Security Design Considerations for AI-Driven Automation";
constexpr std::string_view kNsaSource = "https://www.nsa.gov/Press-Room/Cybersecurity-Advisories-Guidance/";

constexpr Standard kStandards[] = {
    {"NHI1:2025", "Improper Offboarding", kNhi, kNhiSource},
    {"NHI2:2025", "Secret Leakage", kNhi, kNhiSource},
    {"NHI3:2025", "Vulnerable Third-Party NHI", kNhi, kNhiSource},
    {"NHI4:2025", "Insecure Authentication", kNhi, kNhiSource},
    {"NHI5:2025", "Overprivileged NHI", kNhi, kNhiSource},
    {"NHI6:2025", "Insecure Cloud Deployment Configurations", kNhi, kNhiSource},
    {"NHI7:2025", "Long-Lived Secrets", kNhi, kNhiSource},
    {"NHI8:2025", "Environment Isolation", kNhi, kNhiSource},
    {"NHI9:2025", "NHI Reuse", kNhi, kNhiSource},
    {"NHI10:2025", "Human Use of NHI", kNhi, kNhiSource},
    // PR.AC-4 of CSF 1.1 became this one.
    {"PR.AA-05",
     "Access permissions, entitlements, and authorizations are defined in a policy, managed, enforced, and "
     "reviewed, and incorporate the principles of least privilege and separation of duties",
     kCsf, kCsfSource},
    {"SP 800-207 tenet 3", "Access to individual enterprise resources is granted on a per-session basis",
     kZeroTrust, kZeroTrustSource},
    {"SP 800-207 tenet 4", "Access to resources is determined by dynamic policy", kZeroTrust,
     kZeroTrustSource},
    {"SP 800-207 tenet 6",
     "All resource authentication and authorization are dynamic and strictly enforced before access is "
     "allowed",
     kZeroTrust, kZeroTrustSource},
    {"AC-3(7)", "Role-based Access Control", kControls, kControlsSource},
    {"AC-4", "Information Flow Enforcement", kControls, kControlsSource},
    {"AC-6", "Least Privilege", kControls, kControlsSource},
    {"ASI01", "Agent Goal Hijack", kAgentic, kAgenticSource},
    {"ASI02", "Tool Misuse and Exploitation", kAgentic, kAgenticSource},
    {"ASI03", "Identity and Privilege Abuse", kAgentic, kAgenticSource},
    {"ASI04", "Agentic Supply Chain Vulnerabilities", kAgentic, kAgenticSource},
    {"ASI05", "Unexpected Code Execution (RCE)", kAgentic, kAgenticSource},
    {"ASI06", "Memory & Context Poisoning", kAgentic, kAgenticSource},
    {"ASI07", "Insecure Inter-Agent Communication", kAgentic, kAgenticSource},
    {"ASI08", "Cascading Failures", kAgentic, kAgenticSource},
    {"ASI09", "Human-Agent Trust Exploitation", kAgentic, kAgenticSource},
    {"ASI10", "Rogue Agents", kAgentic, kAgenticSource},
    // MCP06 is left out: its title is not the same in the project's own files.
    {"MCP01:2025", "Token Mismanagement & Secret Exposure", kMcp, kMcpSource},
    {"MCP02:2025", "Privilege Escalation via Scope Creep", kMcp, kMcpSource},
    {"MCP03:2025", "Tool Poisoning", kMcp, kMcpSource},
    {"MCP04:2025", "Software Supply Chain Attacks & Dependency Tampering", kMcp, kMcpSource},
    {"MCP05:2025", "Command Injection & Execution", kMcp, kMcpSource},
    {"MCP07:2025", "Insufficient Authentication & Authorization", kMcp, kMcpSource},
    {"MCP08:2025", "Lack of Audit and Telemetry", kMcp, kMcpSource},
    {"MCP09:2025", "Shadow MCP Servers", kMcp, kMcpSource},
    {"MCP10:2025", "Context Injection & Over-Sharing", kMcp, kMcpSource},
    {"API1:2023", "Broken Object Level Authorization", kApi, kApiSource},
    {"API2:2023", "Broken Authentication", kApi, kApiSource},
    {"API3:2023", "Broken Object Property Level Authorization", kApi, kApiSource},
    {"API4:2023", "Unrestricted Resource Consumption", kApi, kApiSource},
    {"API5:2023", "Broken Function Level Authorization", kApi, kApiSource},
    {"API6:2023", "Unrestricted Access to Sensitive Business Flows", kApi, kApiSource},
    {"API7:2023", "Server Side Request Forgery", kApi, kApiSource},
    {"API8:2023", "Security Misconfiguration", kApi, kApiSource},
    {"API9:2023", "Improper Inventory Management", kApi, kApiSource},
    {"API10:2023", "Unsafe Consumption of APIs", kApi, kApiSource},
    {"PP-26-1834 Access control", "Access control", kNsa, kNsaSource},
    {"PP-26-1834 Token or session security", "Token or session security", kNsa, kNsaSource},
    {"PP-26-1834 Misconfigurations and poor implementation", "Misconfigurations and poor implementation",
     kNsa, kNsaSource},
    {"PP-26-1834 Poor or missing audit logs", "Poor or missing audit logs", kNsa, kNsaSource},
};

// What a finding of each check falls under.
struct Mapping {
  std::string_view check;
  std::vector<std::string_view> standards;
};

const std::vector<Mapping>& mappings() {
  static const std::vector<Mapping> kMappings = {
      {"no-owner", {"NHI1:2025", "ASI10", "PR.AA-05"}},
      {"owner-gone", {"NHI1:2025", "PR.AA-05"}},
      {"owner-not-listed", {"NHI1:2025", "PR.AA-05"}},
      {"stopped-with-credentials", {"NHI1:2025", "PR.AA-05"}},
      {"dormant-identity", {"NHI1:2025", "ASI10", "PR.AA-05"}},
      {"review-overdue", {"NHI1:2025", "PR.AA-05", "AC-6"}},
      {"never-reviewed", {"NHI1:2025", "PR.AA-05", "AC-6"}},
      {"third-party", {"NHI3:2025", "ASI04"}},
      {"person-behind-machine", {"NHI10:2025", "PR.AA-05", "PP-26-1834 Poor or missing audit logs"}},
      {"shared-credential", {"NHI9:2025", "ASI03", "PR.AA-05"}},
      {"two-environments", {"NHI8:2025", "AC-4"}},
      {"bearer-secret", {"NHI4:2025", "API2:2023", "MCP01:2025", "PP-26-1834 Token or session security"}},
      {"unbound-tokens",
       {"NHI4:2025", "API2:2023", "MCP07:2025", "SP 800-207 tenet 6",
        "PP-26-1834 Token or session security"}},
      {"machine-password", {"NHI4:2025", "API2:2023"}},
      {"ageing-credential", {"NHI7:2025", "MCP01:2025", "PP-26-1834 Token or session security"}},
      {"endless-credential", {"NHI7:2025", "MCP01:2025", "PP-26-1834 Token or session security"}},
      {"api-key", {"NHI4:2025", "API2:2023", "MCP01:2025", "PP-26-1834 Token or session security"}},
      {"secret-file", {"NHI2:2025", "MCP01:2025"}},
      {"issuer-not-pinned",
       {"NHI6:2025", "NHI4:2025", "API2:2023", "SP 800-207 tenet 6", "PP-26-1834 Access control"}},
      {"workload-not-pinned",
       {"NHI6:2025", "NHI4:2025", "API2:2023", "SP 800-207 tenet 6", "PP-26-1834 Access control"}},
      {"chain-too-deep", {"ASI03", "ASI08", "AC-6"}},
      {"acts-for-anyone", {"NHI5:2025", "ASI03", "MCP02:2025", "AC-6", "PP-26-1834 Access control"}},
      {"long-tokens", {"NHI7:2025", "SP 800-207 tenet 3", "PP-26-1834 Token or session security"}},
      {"plain-transport", {"NHI6:2025", "API8:2023", "PP-26-1834 Misconfigurations and poor implementation"}},
      {"audit-not-durable", {"MCP08:2025", "PP-26-1834 Poor or missing audit logs"}},
      {"wildcard-permit",
       {"NHI5:2025", "AC-6", "AC-3(7)", "PR.AA-05", "API5:2023", "ASI03", "MCP02:2025",
        "PP-26-1834 Access control"}},
      {"standing-privilege",
       {"NHI5:2025", "SP 800-207 tenet 3", "ASI03", "MCP02:2025", "AC-6", "PP-26-1834 Access control"}},
      {"dead-permit", {"NHI5:2025", "PR.AA-05", "AC-6"}},
      {"unused-permit", {"NHI5:2025", "PR.AA-05", "AC-6", "PP-26-1834 Access control"}},
      {"hidden-claim",
       {"SP 800-207 tenet 4", "SP 800-207 tenet 6", "API5:2023", "PP-26-1834 Access control"}},
      {"route-not-tested", {"API5:2023", "PR.AA-05"}},
      {"api-cannot-tell", {"ASI03", "SP 800-207 tenet 4", "API1:2023", "PP-26-1834 Access control"}},
      {"only-observed",
       {"SP 800-207 tenet 6", "API8:2023", "PP-26-1834 Misconfigurations and poor implementation"}},
  };
  return kMappings;
}

}  // namespace

std::span<const Standard> standards() noexcept {
  return kStandards;
}

std::span<const std::string_view> standards_of(std::string_view check) noexcept {
  const auto found = std::ranges::find(mappings(), check, &Mapping::check);
  if (found == mappings().end()) return {};
  return found->standards;
}

const Standard* find_standard(std::string_view id) noexcept {
  const auto found = std::ranges::find(kStandards, id, &Standard::id);
  return found == std::end(kStandards) ? nullptr : found;
}

}  // namespace writ::posture
