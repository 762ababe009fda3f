import { useMe } from '../api/account';
import { AllowedModels } from './AllowedModels';
import { Limits } from './Limits';
import { Prices } from './Prices';

/** On which terms models may be asked. */
export function Terms() {
  const me = useMe();
  const mayChange = me !== null && me !== 'nobody' && me.permissions.includes('billing:manage');
  return (
    <>
      <Limits mayChange={mayChange} />
      <AllowedModels mayChange={mayChange} />
      <Prices mayChange={mayChange} />
    </>
  );
}
